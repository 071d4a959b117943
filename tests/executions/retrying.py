"""What tests of retries look at."""

from typing import Any

from apps.executions.models import Execution
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_update
from tests.fixtures_engine import Engine


def reads(step_id: str, **more: Any) -> dict[str, Any]:
    """A step that fails until its file is there."""
    return {
        "id": step_id,
        "type": "read_file",
        "params": {"path": f"{step_id}.in"},
        **more,
    }


def times(engine: Engine, execution: Execution) -> dict[str, Any]:
    """When each path was run: what was reused keeps its time."""
    return {row.path: row.started_at for row in engine.records(execution)}


def reused(engine: Engine, old: Execution, new: Execution) -> set[str]:
    """The paths that have the times of the old execution."""
    before, after = times(engine, old), times(engine, new)
    return {path for path in after if before.get(path) == after[path]}


def change(engine: Engine, workflow: Workflow, *steps: Any) -> None:
    """Give the workflow a new version."""
    document = {"name": workflow.name, "steps": list(steps)}
    with engine.scope():
        fresh = Workflow.objects.get(id=workflow.id)
        workflow_update(workflow=fresh, by=engine.viewer, document=document)
