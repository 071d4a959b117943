"""`manage.py beat`: rings when something is due."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from rpa.celery import app


class Command(BaseCommand):
    """Run the scheduler until SIGTERM; several share the work."""

    help = "Run the scheduler."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        app.start(
            [
                "beat",
                f"--scheduler={settings.CELERY_BEAT_SCHEDULER}",
                f"--loglevel={settings.LOG_LEVEL}",
                "--pidfile=",  # a stale one would keep it from starting
            ]
        )
