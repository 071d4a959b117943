"""What was not heard is found, and rung for once more."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.core import tenancy
from apps.executions.engine import claims, reconciler
from apps.executions.engine.reconciler import Reconciler
from apps.executions.models import Execution
from tests.executions.engine.conftest import put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rung(monkeypatch):
    """The executions that were rung for."""
    found = []
    monkeypatch.setattr(reconciler, "ring", lambda one, pool: found.append((one, pool)))
    monkeypatch.setattr(reconciler, "_messages", lambda pool: 0)
    return found


def queued(engine, ago_s=3600, **columns):
    execution = engine.start({"steps": [put("a", 1)]})
    columns = {"queued_at": timezone.now() - timedelta(seconds=ago_s)} | columns
    with tenancy.system():
        Execution.objects.filter(id=execution.id).update(**columns)
    return execution


def test_what_nobody_heard_is_rung_for_once_until_it_is_time_again(engine, rung):
    execution = queued(engine)
    Reconciler(calm_s=0)()
    Reconciler(calm_s=0)()
    assert rung == [(execution.id, "default")]
    with tenancy.system():
        Execution.objects.update(rung_at=timezone.now() - timedelta(minutes=1))
    Reconciler(calm_s=0)()
    assert len(rung) == 2


def test_what_was_queued_just_now_or_is_not_due_is_left_alone(engine, rung):
    queued(engine, ago_s=0)
    queued(engine, due_at=timezone.now() + timedelta(hours=1))
    Reconciler(calm_s=0)()
    assert rung == []


def test_nothing_is_rung_for_while_there_are_messages_enough(engine, rung, monkeypatch):
    queued(engine)
    monkeypatch.setattr(reconciler, "_messages", lambda pool: 1)
    Reconciler(calm_s=0)()
    assert rung == []


def test_pools_are_counted_apart(engine, rung, monkeypatch):
    queued(engine)
    lonely = queued(engine, pool="browser")
    monkeypatch.setattr(reconciler, "_messages", lambda pool: int(pool == "default"))
    Reconciler(calm_s=0)()
    assert rung == [(lonely.id, "browser")]


def test_while_the_broker_is_down_nobody_rings_and_then_for_all(
    engine, rung, monkeypatch
):
    execution = queued(engine)
    monkeypatch.setattr(reconciler, "_messages", lambda pool: None)
    Reconciler(calm_s=0)()
    assert rung == []
    monkeypatch.setattr(reconciler, "_messages", lambda pool: 0)
    Reconciler(calm_s=0)()
    assert rung == [(execution.id, "default")]


def test_messages_of_a_broker_that_is_down_cannot_be_counted(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert reconciler._messages("default") is None


def test_what_may_not_run_yet_is_not_rung_for(engine, rung):
    queued(engine, is_held=True)
    Reconciler(calm_s=0)()
    assert rung == []


def test_an_idle_worker_finds_what_was_missed_in_its_pools(engine):
    assert not reconciler.is_any_missed(["default"])
    queued(engine, ago_s=0)
    assert not reconciler.is_any_missed(["default"])
    queued(engine)
    assert reconciler.is_any_missed(["browser", "default"])
    assert not reconciler.is_any_missed(["browser"])


def test_an_expired_lease_is_taken_back_and_rung_for(engine, rung, claim):
    held = claim()
    with tenancy.system():
        Execution.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    Reconciler(calm_s=0)()
    assert (held.execution.id, "default") in rung
    assert claims.claim(held.execution.id, "another:1").token == 2


def test_what_is_due_is_queued_once_by_any_number_of_wakers(engine, rung):
    execution = queued(engine, status="waiting", due_at=timezone.now())
    early = queued(engine, status="waiting", due_at=timezone.now() + timedelta(hours=1))
    assert (reconciler.wake_due(), reconciler.wake_due()) == (1, 0)
    assert rung == [(execution.id, "default")]
    assert engine.now(execution).status == "queued"
    assert engine.now(early).status == "waiting"


def test_what_waits_without_a_time_is_not_woken_by_the_clock(engine, rung):
    queued(engine, status="waiting", due_at=None)
    assert reconciler.wake_due() == 0


def test_after_an_outage_workers_may_come_back_before_their_leases_are_taken(
    engine, rung, claim, monkeypatch
):
    held = claim()
    with tenancy.system():
        Execution.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    reconcile = Reconciler(calm_s=0.3)
    time.sleep(0.4)
    with monkeypatch.context() as patched:
        patched.setattr(reconciler, "_ring_again", away)
        with pytest.raises(OperationalError):
            reconcile()
    reconcile()
    assert engine.now(held.execution).status == "running"
    time.sleep(0.4)
    reconcile()
    assert engine.now(held.execution).status == "queued"


def away():
    raise OperationalError("gone")
