"""Rule 8: a workflow that calls another waits for it without a worker."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core import tenancy
from apps.executions import cancels
from apps.executions.engine import claims, leases
from apps.executions.engine.children import MAX_DEPTH
from apps.executions.engine.frames import Outcome
from apps.executions.engine.reconciler import look_twice, wake_due
from apps.executions.engine.runner import Place, _Run
from apps.executions.models import Execution
from tests.executions.engine.conftest import bad, elsewhere, nap, put

pytestmark = pytest.mark.django_db(transaction=True)


def call(workflow, step_id="call", **params):
    params = {"workflow": str(workflow.id), **params}
    return {"id": step_id, "type": "call_workflow", "params": params}


def children(engine, parent):
    with engine.scope():
        return list(Execution.objects.filter(parent_id=parent.id).order_by("id"))


def test_a_child_hands_on_its_outputs(engine):
    inputs = {"n": {"type": "integer"}}
    child = engine.workflow(
        {"inputs": inputs, "steps": [put("m", "{{ inputs.n + 1 }}")]}
    )
    steps = [
        call(child, inputs={"n": 41}),
        put("got", "{{ steps.call.output.outputs.m }}"),
    ]
    done = engine.run({"steps": steps})
    assert (done.status, done.outputs["got"]) == ("completed", 42)
    (one,) = children(engine, done)
    assert (one.trigger, one.depth, one.status) == ("workflow", 1, "completed")


def test_a_parent_waits_without_a_worker_and_is_woken_by_its_child(engine, child):
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    child.run(parent)
    waiting = engine.now(parent)
    assert (waiting.status, waiting.due_at, waiting.lease_owner) == (
        "waiting",
        None,
        "",
    )
    assert child.table.occupants() == []
    (one,) = children(engine, parent)
    child.run(one)
    assert wake_due() == 1
    child.run(parent)
    assert engine.now(parent).status == "completed"


def test_a_child_that_ends_before_its_parent_parks_loses_nothing(
    engine, child, monkeypatch
):
    """The worst moment: after the parent looked at it, before it is parked."""
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    park = _Run._park

    def late(self, signal):
        (one,) = children(engine, parent)
        if one.status == "queued":
            _Run(claims.claim(one.id, "another:1"), Place(None, None, None))._end(
                Outcome("completed")
            )
        park(self, signal)

    monkeypatch.setattr(_Run, "_park", late)
    child.run(parent)
    assert engine.now(parent).status == "waiting"
    assert wake_due() == 1
    child.run(parent)
    assert engine.now(parent).status == "completed"


def test_an_end_while_the_parent_is_queued_lets_it_not_sleep(engine, child):
    """Its own end is not yet committed when the parent looks, so it sees no end."""
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    child.run(parent)
    (one,) = children(engine, parent)
    set_status(engine, parent, "queued")
    with tenancy.system():
        leases.wake(parent.id)
        assert elsewhere(lambda: claims.claim_next(["none"], "w:1") or "nothing")
        # The row is held: nobody claims it before this is committed.
        taken = elsewhere(lambda: claims.claim_next(["default"], "w:2") or "nothing")
        assert taken == "nothing" or taken.execution_id == one.id
    assert engine.now(parent).wake_requested


def set_status(engine, execution, status):
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status=status, due_at=None)


def test_a_parent_that_nobody_woke_is_found(engine, child):
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    child.run(parent)
    (one,) = children(engine, parent)
    child.run(one)
    with engine.scope():
        Execution.objects.filter(id=parent.id).update(due_at=None)
        ended = {"finished_at": timezone.now() - timedelta(seconds=20)}
        Execution.objects.filter(id=one.id).update(**ended)
        before = {"claimed_at": timezone.now() - timedelta(seconds=60)}
        Execution.objects.filter(id=parent.id).update(**before)
    look_twice()
    assert wake_due() == 1


def test_a_repeat_after_a_crash_finds_the_child_that_it_started(engine, child):
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    for _ in range(3):
        child.run(parent)
        with engine.scope():
            Execution.objects.filter(id=parent.id).update(status="queued", due_at=None)
    assert len(children(engine, parent)) == 1


@pytest.mark.parametrize(
    "inner",
    [
        [bad("no")],
        [{"type": "stop", "params": {"status": "failed", "message": "enough"}}],
    ],
)
def test_a_child_that_fails_fails_its_step(engine, inner):
    child = engine.workflow({"steps": inner})
    done = engine.run({"steps": [call(child)]})
    assert (done.status, done.error["code"]) == ("failed", "child_failed")


def test_a_cancel_of_a_waiting_parent_cancels_all_below_it(engine, child):
    leaf = engine.workflow({"steps": [nap("long", 3600)]})
    middle = engine.workflow({"steps": [call(leaf)]})
    top = engine.start({"steps": [call(middle)]})
    child.run(top)
    (second,) = children(engine, top)
    child.run(second)
    (third,) = children(engine, second)
    child.run(third)
    with engine.scope():
        cancels.execution_cancel(execution=engine.now(top), by=engine.viewer)
    assert {engine.now(one).status for one in (top, second, third)} == {"cancelled"}
    assert engine.paths(third) == ["long cancelled"]


def test_a_child_that_is_cancelled_fails_its_parents_step(engine, child):
    inner = engine.workflow({"steps": [nap("long", 3600)]})
    parent = engine.start({"steps": [call(inner)]})
    child.run(parent)
    (one,) = children(engine, parent)
    with engine.scope():
        cancels.execution_cancel(execution=one, by=engine.viewer)
    assert wake_due() == 1
    child.run(parent)
    assert engine.now(parent).error["code"] == "child_failed"


def test_calls_have_a_depth_that_they_do_not_pass(engine, child):
    inner = engine.workflow({"steps": [put("m", 1)]})
    parent = engine.start({"steps": [call(inner)]})
    with engine.scope():
        Execution.objects.filter(id=parent.id).update(depth=MAX_DEPTH)
    child.run(parent)
    assert engine.now(parent).error["code"] == "calls_too_deep"


def test_an_unknown_workflow_and_bad_inputs_are_clear_errors(engine):
    inner = engine.workflow(
        {"inputs": {"n": {"type": "integer"}}, "steps": [put("m", 1)]}
    )
    bad_inputs = call(inner, inputs={"n": "no number"})
    done = engine.run({"steps": [bad_inputs]})
    assert (done.status, done.error["kind"]) == ("failed", "step")


def test_a_database_that_restarts_while_a_child_is_started_fails_nothing(
    engine, on_run, cut_connections
):
    on_run("call_workflow", lambda ctx: cut_connections())
    inner = engine.workflow({"steps": [put("m", 1)]})
    done = engine.run({"steps": [call(inner)]})
    assert done.status == "completed"
    assert len(children(engine, done)) == 1
