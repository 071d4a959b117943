"""Steps that wait for somebody, and a way to run them up to there."""

from typing import Any

from django.db.models.functions import Now

from apps.executions.engine.reconciler import wake_due
from apps.executions.models import Execution, StepRecord, Wait
from tests.executions.engine.conftest import Child
from tests.fixtures_engine import Engine


def ask(step_id: str = "ok", **params: Any) -> dict[str, Any]:
    """A step that waits for a decision and mails nobody."""
    params = {"message": "Pay it?", "notify": False, **params}
    return {"id": step_id, "type": "approval", "params": params}


def hear(step_id: str = "call", **params: Any) -> dict[str, Any]:
    """A step that waits for a call."""
    return {"id": step_id, "type": "wait_for_webhook", "params": params}


def parked(engine: Engine, child: Child, *steps: Any, **options: Any) -> Execution:
    """An execution that was run until it waits."""
    execution = engine.start({"steps": list(steps)}, **options)
    child.run(execution)
    waiting = engine.now(execution)
    assert (waiting.status, waiting.lease_owner) == ("waiting", ""), waiting.error
    return waiting


def go_on(engine: Engine, child: Child, execution: Execution) -> Execution:
    """The execution after its next claim, if it is due."""
    wake_due()
    child.run(execution)
    return engine.now(execution)


def waits(engine: Engine, execution: Execution) -> list[Wait]:
    """All that was opened for the execution, oldest first."""
    with engine.scope():
        rows = Wait.objects.filter(execution_id=execution.id)
        return list(rows.order_by("id"))


def expire(engine: Engine, execution: Execution) -> None:
    """Let the time of all its waits pass, and its own."""
    with engine.scope():
        Wait.objects.filter(execution_id=execution.id).update(expires_at=Now())
        Execution.objects.filter(id=execution.id).update(due_at=Now())
        for record in StepRecord.objects.filter(
            execution_id=execution.id, status="waiting"
        ):
            record.state["due_at"] = record.state["parked_at"]
            StepRecord.objects.filter(pk=record.pk).update(state=record.state)


def claimed(engine: Engine, child: Child, execution_id: str) -> Execution:
    """An execution that was started elsewhere, after one claim."""
    with engine.scope():
        execution = Execution.objects.get(id=execution_id)
    child.run(execution)
    return engine.now(execution)
