"""What becomes of executions and workflows is told with what it is about."""

import pytest

from apps.core import tenancy
from apps.events.models import Event
from apps.executions import approvals
from apps.executions.cancels import execution_cancel
from apps.workflows import services
from tests.executions.engine.conftest import child
from tests.executions.engine.waiting import ask, go_on, hear, parked

__all__ = ["child"]  # a fixture, for what a worker parks

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"steps": [{"type": "set_variable", "params": {"name": "a", "value": 1}}]}
BAD = {"steps": [{"type": "stop", "params": {"status": "failed", "message": "no"}}]}


def told(**about):
    with tenancy.system():
        return list(Event.objects.filter(**about).order_by("id"))


def test_each_status_of_an_execution_is_told_with_both_ids(engine):
    ended = [engine.run(GOOD), engine.run(BAD), engine.start(GOOD)]
    with engine.scope():
        execution_cancel(execution=ended[2], by=engine.viewer)
    names = ["completed", "failed", "cancelled"]
    for execution, last in zip(ended, names, strict=True):
        events = told(execution_id=execution.id)
        started = [] if last == "cancelled" else ["execution-started"]
        types = ["execution-queued", *started, f"execution-{last}"]
        assert sorted(one.type for one in events) == sorted(types)
        assert {one.workflow_id for one in events} == {execution.workflow_id}


def test_a_parked_execution_tells_that_it_waits_and_for_what(engine, child):
    execution = parked(engine, child, ask())
    events = told(execution_id=execution.id)
    names = ["queued", "started", "waiting"]
    assert [one.type for one in events] == [f"execution-{name}" for name in names]
    assert {one.workflow_id for one in events} == {execution.workflow_id}
    assert events[-1].payload["reason"] == execution.reason
    assert execution.reason


def test_it_waits_anew_after_each_answer(engine, child):
    execution = parked(engine, child, ask("one"), hear("two"))
    with engine.scope():
        (approval,) = approvals.approval_list(execution_id=execution.id)
        approvals.approval_decide(
            approval=approval, by=engine.viewer, decision="approved"
        )
    go_on(engine, child, execution)
    types = [one.type for one in told(execution_id=execution.id)]
    assert types.count("execution-waiting") == 2
    assert types[-1] == "execution-waiting"


def test_each_change_of_a_workflow_is_told(engine):
    workflow = engine.workflow({"name": "one", **GOOD})
    with engine.scope():
        first = workflow.current_version
        by = {"workflow": workflow, "by": engine.viewer}
        services.workflow_update(**by, document={"name": "one", **BAD})
        workflow.refresh_from_db()
        services.workflow_restore(**by, version=first)
        services.workflow_archive(**by)
        services.workflow_unarchive(**by)
        services.workflow_delete(**by)
    events = told(workflow_id=workflow.id, type="workflow-changed")
    changes = [one.payload["change"] for one in events]
    kinds = ["create", "update", "update", "archive", "unarchive", "delete"]
    assert changes == kinds
    assert [one.payload["version"] for one in events][:3] == [1, 2, 3]
