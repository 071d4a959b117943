"""Celery's entry point, thin."""

from celery import shared_task
from django.db import Error as DatabaseError
from django.db import close_old_connections

from apps.webhooks.bell import TASK
from apps.webhooks.sending import serve


@shared_task(name=TASK, ignore_result=True)
def serve_webhook() -> None:
    """Send what is due for one webhook; does nothing when none has anything due."""
    try:
        serve()
    except DatabaseError:
        close_old_connections()
        raise
