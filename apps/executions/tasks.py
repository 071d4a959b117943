"""Celery's entry points, thin: load by id, call one function."""

from celery import shared_task

from apps.executions.engine import worker
from apps.executions.engine.dispatcher import TASK
from apps.executions.engine.runner import run_next


@shared_task(name=TASK, ignore_result=True)
def run(execution_id: str) -> None:
    """Run the execution whose turn it is; does nothing when none is left.

    Each queued one rings once. Which of them is next is decided when a child is free.
    """
    run_next(worker.pools(), worker.place())
