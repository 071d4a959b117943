"""Rule 9: limits of a workflow and of a key: queue, skip, cancel what runs."""

import threading

import pytest
from django.db import connections

from apps.core import tenancy
from apps.core.errors import Invalid
from apps.executions import cancels, retries
from apps.executions.engine import claims, leases
from apps.executions.engine.reconciler import Reconciler, look_twice
from apps.executions.models import Execution
from apps.executions.services import Parent
from tests.executions.engine.conftest import put

pytestmark = pytest.mark.django_db(transaction=True)


def limited(limit=1, key=None, on_limit="queue", steps=None):
    concurrency = {"limit": limit, "on_limit": on_limit}
    if key is not None:
        concurrency["key"] = key
    return {
        "inputs": {"customer": {"type": "any"}},
        "settings": {"concurrency": concurrency},
        "steps": steps or [put("a", 1)],
    }


def take(count=1):
    found = [claims.claim_next(["default"], f"w:{number}") for number in range(count)]
    return [lease.execution_id for lease in found if lease]


def states(engine, executions):
    return [
        "held" if (now := engine.now(one)).is_held else now.status for one in executions
    ]


def test_one_over_the_limit_is_held_and_says_why(engine):
    workflow = engine.workflow(limited())
    first, second = engine.start(workflow), engine.start(workflow)
    assert states(engine, [first, second]) == ["queued", "held"]
    assert "another one is under way" in engine.now(second).reason
    assert take(3) == [first.id]


def test_the_end_of_one_lets_the_next_one_go(engine):
    workflow = engine.workflow(limited())
    first, second, third = (engine.start(workflow) for _ in range(3))
    engine.run_started(str(first.id))
    assert states(engine, [first, second, third]) == ["completed", "queued", "held"]
    engine.run_started(str(second.id))
    assert states(engine, [second, third]) == ["completed", "queued"]


def test_each_value_of_the_key_has_a_limit_of_its_own(engine):
    workflow = engine.workflow(limited(key="{{ inputs.customer }}"))
    of = [engine.start(workflow, inputs={"customer": name}) for name in "abab"]
    assert states(engine, of) == ["queued", "queued", "held", "held"]


def test_values_that_only_look_alike_are_different_keys(engine):
    workflow = engine.workflow(limited(key="{{ inputs.customer }}"))
    of = [engine.start(workflow, inputs={"customer": value}) for value in (1, "1")]
    assert states(engine, of) == ["queued", "queued"]


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_key_that_renders_to_nothing_is_refused(engine, value):
    workflow = engine.workflow(limited(key="{{ inputs.customer }}"))
    with pytest.raises(Invalid) as refused:
        engine.start(workflow, inputs={"customer": value})
    assert refused.value.errors == [
        {
            "path": "settings.concurrency.key",
            "message": "renders to nothing with these inputs",
        }
    ]
    with engine.scope():
        assert not Execution.objects.exists()


def test_a_key_that_cannot_be_computed_is_refused(engine):
    workflow = engine.workflow(limited(key="{{ inputs.customer.id }}"))
    with pytest.raises(Invalid) as refused:
        engine.start(workflow, inputs={"customer": 7})
    assert "cannot be computed" in refused.value.errors[0]["message"]


def test_what_waits_keeps_its_place(engine):
    delay = [{"type": "delay", "params": {"seconds": 3600}}]
    workflow = engine.workflow(limited(steps=delay))
    first, second = engine.start(workflow), engine.start(workflow)
    lease = claims.claim(first.id, "w:1")
    with tenancy.system():
        Execution.objects.filter(id=lease.execution_id).update(status="waiting")
    Reconciler(calm_s=0)()
    assert states(engine, [first, second]) == ["waiting", "held"]


def test_skip_ends_the_new_one_at_once_and_says_why(engine):
    workflow = engine.workflow(limited(on_limit="skip"))
    first, second = engine.start(workflow), engine.start(workflow)
    assert states(engine, [first, second]) == ["queued", "cancelled"]
    now = engine.now(second)
    assert now.reason == "skipped: another one is under way"
    assert now.finished_at is not None


def test_cancel_running_makes_room_for_the_newest(engine):
    workflow = engine.workflow(limited(on_limit="cancel_running"))
    first = engine.start(workflow)
    claims.claim(first.id, "w:1")
    second = engine.start(workflow)
    third = engine.start(workflow)
    # The first one still runs until its worker has stopped it.
    assert states(engine, [first, second, third]) == ["running", "cancelled", "held"]
    assert engine.now(first).cancel_requested_at is not None
    leases.free(first.id, 1)
    assert states(engine, [first, third]) == ["cancelled", "queued"]


def test_cancelling_one_lets_the_next_one_go(engine):
    workflow = engine.workflow(limited())
    first, second = engine.start(workflow), engine.start(workflow)
    with engine.scope():
        cancels.execution_cancel(execution=engine.now(first), by=engine.viewer)
    assert states(engine, [first, second]) == ["cancelled", "queued"]


def test_a_held_one_can_be_cancelled(engine):
    workflow = engine.workflow(limited())
    first, second = engine.start(workflow), engine.start(workflow)
    with engine.scope():
        cancels.execution_cancel(execution=engine.now(second), by=engine.viewer)
    assert engine.now(second).status == "cancelled"
    assert take() == [first.id]


def test_a_lost_worker_too_many_lets_the_next_one_go(engine, settings):
    settings.EXECUTION_MAX_DELIVERIES = 1
    workflow = engine.workflow(limited())
    first, second = engine.start(workflow), engine.start(workflow)
    lease = claims.claim(first.id, "w:1")
    leases.free(first.id, lease.token)
    assert states(engine, [first, second]) == ["failed", "queued"]


def test_a_retry_keeps_to_the_limit(engine):
    workflow = engine.workflow(limited())
    first = engine.run(workflow)
    running = engine.start(workflow)
    with engine.scope():
        again = retries.execution_retry(
            execution=engine.now(first), by=engine.viewer, from_="start"
        )
    assert states(engine, [running, again]) == ["queued", "held"]


def test_the_held_one_with_the_highest_priority_goes_first(engine):
    workflow = engine.workflow(limited())
    first = engine.start(workflow)
    low, high = (engine.start(workflow, priority=n) for n in (1, 8))
    engine.run_started(str(first.id))
    assert states(engine, [low, high]) == ["held", "queued"]


def test_a_child_under_the_same_key_uses_its_parents_place(engine):
    name = "calls itself once"
    steps = [
        {
            "type": "condition",
            "if": "{{ inputs.depth == 0 }}",
            "then": [
                {
                    "type": "call_workflow",
                    "params": {"workflow": name, "inputs": {"depth": 1}},
                }
            ],
        }
    ]
    document = {
        "name": name,
        "inputs": {"depth": {"type": "number", "default": 0}},
        "settings": {"concurrency": {"limit": 1}},
        "steps": steps,
    }
    # Saved first without the call: a name is looked up when it is saved.
    workflow = engine.workflow({**document, "steps": [put("a", 1)]})
    parent = engine.start(workflow)
    child = engine.start(workflow, parent=Parent(parent.id, 1, waits=True))
    assert (engine.now(child).is_held, engine.now(child).limit_key) == (False, "")


def test_a_child_that_nobody_waits_for_has_no_place_of_its_parents(engine):
    workflow = engine.workflow(limited())
    parent = engine.start(workflow)
    alone = engine.start(workflow, parent=Parent(parent.id, 1, waits=False))
    below = engine.start(workflow, parent=Parent(alone.id, 2, waits=True))
    assert states(engine, [alone]) == ["held"]
    # The line up from it ends at the one that nobody waits for, and that is held.
    assert engine.now(below).limit_key == ""
    other = engine.start(engine.workflow({"steps": [put("a", 1)]}))
    loose = engine.start(workflow, parent=Parent(other.id, 1, waits=True))
    assert states(engine, [loose]) == ["held"]


def test_no_place_of_an_ancestor_that_has_ended(engine):
    workflow = engine.workflow(limited())
    first = engine.start(workflow)
    middle = engine.start(
        engine.workflow({"steps": [put("a", 1)]}),
        parent=Parent(first.id, 1, waits=True),
    )
    with tenancy.system():
        Execution.objects.filter(id=first.id).update(status="failed")
    second = engine.start(workflow)
    late = engine.start(workflow, parent=Parent(middle.id, 2, waits=True))
    assert states(engine, [second, late]) == ["queued", "held"]


def test_of_two_newest_at_once_one_supersedes_the_other(engine):
    workflow = engine.workflow(limited(on_limit="cancel_running"))
    first = engine.start(workflow)
    gate = threading.Barrier(2)
    started = []

    def start():
        gate.wait(10)
        started.append(engine.start(workflow))
        connections.close_all()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted(states(engine, started))
    assert states(engine, [first]) == ["cancelled"]
    assert found == ["cancelled", "queued"]


def test_rule_09_many_starts_and_ends_at_once_never_pass_the_limit(engine):
    workflow = engine.workflow(limited(limit=2))
    errors, seen = [], []

    def start_and_run(number):
        try:
            engine.start(workflow)
            while lease := claims.claim_next(["default"], f"w:{number}"):
                with tenancy.system():
                    open_ = Execution.objects.filter(limit_key=str(workflow.id))
                    seen.append(open_.filter(status="running").count())
                leases.fail_killed(lease.execution_id, lease.token, {"message": "x"})
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=start_and_run, args=[n]) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert max(seen) <= 2
    with engine.scope():
        assert not Execution.objects.filter(status="queued", is_held=True).exists()


def test_one_that_was_overlooked_is_let_go(engine):
    workflow = engine.workflow(limited())
    first, second = engine.start(workflow), engine.start(workflow)
    with tenancy.system():
        Execution.objects.filter(id=first.id).update(status="completed")
    look_twice()
    assert states(engine, [second]) == ["queued"]
