"""Celery's entry points, thin: load by id, call one function."""

from typing import Any

from celery import Task, shared_task

from apps.executions.engine import canary, idling
from apps.executions.engine.dispatcher import TASK


@shared_task(name=TASK, ignore_result=True, bind=True)
def run(self: Any, execution_id: str) -> None:
    """Run the execution whose turn it is; does nothing when none is left.

    Each queued one rings once. Which of them is next is decided when a child is free.
    """
    idling.answer(execution_id, self.request.delivery_info["routing_key"])


class _HeardInParent(Task[[], None]):
    """A task that is handled where its message arrives."""

    Strategy = canary.STRATEGY


@shared_task(name=canary.TASK, base=_HeardInParent)
def sing() -> None:
    """Never runs in a child: see `engine.canary`."""
