"""Celery's entry points, thin: load by id, call one function."""

import uuid

from celery import shared_task

from apps.executions.engine import worker
from apps.executions.engine.dispatcher import TASK
from apps.executions.engine.runner import run_execution


@shared_task(name=TASK, ignore_result=True)
def run(execution_id: str) -> None:
    """Run one queued execution; does nothing when another worker has it."""
    run_execution(uuid.UUID(execution_id), worker.place())
