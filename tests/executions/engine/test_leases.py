"""Rules 1, 2, 3 and 11: claims, fences, renewals, and workers that died."""

import os
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from apps.core import tenancy
from apps.events.models import Event
from apps.executions.engine import claims, leases
from apps.executions.engine.frames import Outcome
from apps.executions.engine.leases import LeaseLost
from apps.executions.engine.runner import Place, _Run
from apps.executions.models import Execution
from apps.steps.signals import Park
from tests.executions.engine.conftest import put

pytestmark = pytest.mark.django_db(transaction=True)


def change(execution, **columns):
    with tenancy.system():
        Execution.objects.filter(id=execution.id).update(**columns)


def expire(execution):
    change(execution, lease_until=timezone.now() - timedelta(seconds=1))


def take_over(claim, engine, first):
    """Another worker gets what the first one holds."""
    expire(first.execution)
    leases.free_expired()
    return claim(first.execution, owner="there:2")


def test_rule_01_twenty_duplicate_messages_give_one_claim(engine):
    execution = engine.start({"steps": [put("a", 1)]})
    gate, won = threading.Barrier(20), []

    def worker(number):
        try:
            gate.wait()
            won.append(claims.claim(execution.id, f"w:{number}"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker, args=[n]) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (lease,) = [one for one in won if one]
    now = engine.now(execution)
    assert (len(won), lease.token) == (20, 1)
    assert (now.deliveries, now.lease_token, now.status) == (1, 1, "running")


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "waiting"},
        {"status": "completed"},
        {"status": "cancelled"},
        {"due_at": timezone.now() + timedelta(hours=1)},
    ],
)
def test_what_is_not_queued_and_due_is_not_claimed(engine, columns):
    execution = engine.start({"steps": [put("a", 1)]})
    change(execution, **columns)
    assert claims.claim(execution.id, "w:1") is None


def test_an_execution_that_does_not_exist_is_not_claimed(engine):
    assert claims.claim(uuid.uuid4(), "w:1") is None


def test_only_the_first_claim_tells_of_a_start(engine, claim):
    first = claim()
    take_over(claim, engine, first)
    with engine.scope():
        starts = Event.objects.filter(type="execution-started")
        assert starts.filter(execution_id=first.execution.id).count() == 1


def test_a_lease_is_renewed_only_by_who_holds_it(engine, claim):
    first = claim()
    second = take_over(claim, engine, first)
    key = first.execution.id
    assert leases.renew([(key, first.lease.token)]) == {}
    assert leases.renew([(key, second.lease.token)]) == {key: False}


def test_renewing_tells_of_a_cancel(claim):
    held = claim()
    change(held.execution, cancel_requested_at=timezone.now())
    assert leases.renew([(held.execution.id, held.lease.token)]) == {
        held.execution.id: True
    }
    assert leases.cancels_among([held.execution.id]) == {held.execution.id}


# --- fencing ------------------------------------------------------------------------


def test_rule_02_a_worker_that_lost_its_lease_records_nothing(engine, claim):
    first = claim()
    first.journal.end(first.record("zombie", status="completed"))
    second = take_over(claim, engine, first)
    with pytest.raises(LeaseLost):
        first.journal.flush()
    with pytest.raises(LeaseLost):
        first.journal.intend(first.record("mail", effect="write"))
    assert second.paths() == []


def endings(run):
    return {
        "finish": lambda: run._end(Outcome("completed")),
        "fail": lambda: run._end(Outcome("failed", "no", {"code": "x"})),
        "park": lambda: run._park(Park(reason="child")),
        "hand back": run._hand_back,
    }


@pytest.mark.parametrize("how", ["finish", "fail", "park", "hand back"])
def test_a_worker_that_lost_its_lease_ends_nothing(engine, claim, how):
    first = claim()
    run = _Run(first.lease, Place(None, None, None))
    take_over(claim, engine, first)
    before = engine.now(first.execution)
    with pytest.raises(LeaseLost):
        endings(run)[how]()
    after = engine.now(first.execution)
    for field in ("status", "lease_token", "lease_owner", "deliveries", "due_at"):
        assert getattr(after, field) == getattr(before, field)


def test_a_write_waits_for_a_takeover_under_way_and_is_then_refused(engine, claim):
    first = claim()
    first.journal.end(first.record("late", status="completed"))
    outcome, started = [], threading.Event()

    def flush():
        try:
            started.set()
            first.journal.flush()
        except LeaseLost:
            outcome.append("refused")
        finally:
            connections.close_all()

    thread = threading.Thread(target=flush)
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution SET lease_token = lease_token + 1"
            " WHERE id = %s",
            [first.execution.id],
        )
        thread.start()
        assert started.wait(10)
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    assert (outcome, first.paths()) == (["refused"], [])


# --- workers that died --------------------------------------------------------------


def test_an_expired_lease_is_given_back_once(engine, claim):
    held = claim()
    assert leases.free_expired() == []
    expire(held.execution)
    assert [one.status for one in leases.free_expired()] == ["queued"]
    assert leases.free_expired() == []
    now = engine.now(held.execution)
    assert (now.status, now.lease_owner, now.lease_until) == ("queued", "", None)


def test_a_dead_child_frees_only_its_own_lease(engine, claim):
    first = claim()
    second = take_over(claim, engine, first)
    assert leases.free(first.execution.id, first.lease.token) == []
    assert engine.now(second.execution).status == "running"


def test_rule_11_what_killed_four_workers_fails_with_worker_lost(engine, claim):
    held = claim()
    held.journal.begin(held.record("deadly"))
    held.journal.flush()
    for _ in range(3):
        held = take_over(claim, engine, held)
    expire(held.execution)
    assert [one.status for one in leases.free_expired()] == ["failed"]
    now = engine.now(held.execution)
    assert (now.deliveries, now.error["code"]) == (4, "worker_lost")
    assert now.error["kind"] == "platform"
    assert held.paths() == ["deadly cancelled"]
    with engine.scope():
        told = Event.objects.filter(execution_id=now.id, type="execution-failed")
        assert told.count() == 1


def test_waiting_is_no_death(engine, claim):
    execution = engine.start({"steps": [put("a", 1)]})
    for _ in range(6):
        held = claim(execution)
        _Run(held.lease, Place(None, None, None))._park(Park(reason="again"))
        change(execution, status="queued", due_at=None)
    held = claim(execution)
    expire(execution)
    assert [one.status for one in leases.free_expired()] == ["queued"]


def test_a_cancelled_execution_of_a_dead_worker_is_cancelled(engine, claim):
    held = claim()
    change(held.execution, cancel_requested_at=timezone.now())
    expire(held.execution)
    assert [one.status for one in leases.free_expired()] == ["cancelled"]
    assert engine.now(held.execution).finished_at is not None


def test_a_parent_is_woken_when_its_child_is_lost(engine, claim, settings):
    settings.EXECUTION_MAX_DELIVERIES = 1
    parent = engine.start({"steps": [put("a", 1)]})
    change(parent, status="waiting")
    held = claim()
    change(held.execution, parent_id=parent.id)
    expire(held.execution)
    leases.free_expired()
    assert engine.now(parent).due_at is not None


def test_what_processes_of_this_host_left_is_freed_when_they_are_gone(engine, claim):
    dead = claim(owner=leases.owner_name("here", 111))
    alive = claim(owner=leases.owner_name("here", os.getpid()))
    foreign = claim(owner=leases.owner_name("elsewhere", 111))
    container = claim(owner="here/1:111")
    freed = leases.free_dead("here", lambda pid: pid == os.getpid())
    assert [one.execution_id for one in freed] == [dead.execution.id]
    assert engine.now(alive.execution).status == "running"
    assert engine.now(foreign.execution).status == "running"
    assert engine.now(container.execution).status == "running"


def test_an_execution_whose_child_was_killed_for_a_limit_fails_once(engine, claim):
    held = claim()
    error = {"code": "timeout", "kind": "timeout", "message": "too long"}
    leases.fail_killed(held.execution.id, held.lease.token - 1, error)
    assert engine.now(held.execution).status == "running"
    leases.fail_killed(held.execution.id, held.lease.token, error)
    now = engine.now(held.execution)
    assert (now.status, now.error) == ("failed", error)


# --- the wake-up race ---------------------------------------------------------------


def test_a_write_that_was_cut_off_for_good_is_unknown(engine, claim):
    held = claim()
    effects = {"wrote": "write", "read": "read"}
    for path, effect in effects.items():
        record = held.record(path, effect=effect, status="running")
        held.journal.intend(record)
    leases.fail_killed(held.execution.id, held.lease.token, {"message": "x"})
    assert held.paths() == ["wrote unknown", "read cancelled"]
    wrote, read = engine.records(held.execution)
    assert (wrote.error["code"], wrote.error["path"]) == ("unknown_outcome", "wrote")
    assert read.error is None


def test_what_happened_before_the_parent_parked_wakes_it_at_once(engine, claim):
    held = claim()
    with tenancy.system():
        leases.wake(held.execution.id)
    _Run(held.lease, Place(None, None, None))._park(Park(reason="a child"))
    now = engine.now(held.execution)
    assert (now.status, now.wake_requested) == ("waiting", False)
    assert now.due_at <= timezone.now()


def test_what_happens_while_the_parent_waits_wakes_it(engine, claim):
    held = claim()
    _Run(held.lease, Place(None, None, None))._park(Park(reason="a child"))
    assert engine.now(held.execution).due_at is None
    with tenancy.system():
        leases.wake(held.execution.id)
    assert engine.now(held.execution).due_at is not None


def test_a_cancel_that_came_before_the_parent_parked_is_carried_out(engine, claim):
    held = claim()
    held.journal.begin(held.record("wait"))
    run = _Run(held.lease, Place(None, None, None))
    run.journal = held.journal
    change(held.execution, cancel_requested_at=timezone.now())
    run._park(Park(reason="a long delay"))
    assert engine.now(held.execution).status == "cancelled"
    assert held.paths() == ["wait cancelled"]
