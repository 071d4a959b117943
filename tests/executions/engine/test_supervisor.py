"""Rules 3, 10 and 12: the supervisor keeps leases and limits, whatever a child does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import psutil
import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.core import tenancy
from apps.executions.engine import leases, supervisor
from apps.executions.engine.slots import CLAIMING, Order, Slot, SlotTable
from apps.executions.engine.supervisor import Supervisor
from apps.executions.engine.workers import Identity, alive_count, say_gone
from apps.executions.models import Execution
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

# A child that hears nothing, with a helper in its group as a browser would be.
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print(helper.pid, flush=True)
time.sleep(300)
"""


@pytest.fixture
def deaf_child():
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF], stdout=subprocess.PIPE, process_group=0
    )
    helper = psutil.Process(int(process.stdout.readline()))
    yield process, helper
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    process.stdout.close()


class Watched:
    """An execution that a child holds, and the supervisor over it."""

    def __init__(self, held, process_id):
        self.held = held
        self.table = SlotTable(1)
        self.slot = Slot(self.table, 0)
        self.slot.take(held.execution.id, held.lease.token, 0.0)
        self.struck = []
        self.over = Supervisor(
            self.table, Identity("test", 1), interrupt=self.struck.append
        )
        # The child wrote its own process id there.
        self.table._memory[4:8] = process_id.to_bytes(4, sys.byteorder)

    @property
    def now(self):
        return self.held.engine.now(self.held.execution)


@pytest.fixture
def watch(claim):
    made = []

    def make(process_id=None):
        made.append(Watched(claim(), process_id or os.getpid()))
        return made[-1]

    yield make
    for one in made:
        say_gone(one.over.identity)


def change(execution, **columns):
    with tenancy.system():
        Execution.objects.filter(id=execution.id).update(**columns)


def test_a_lease_is_renewed_however_long_its_step_blocks(watch):
    one = watch()
    change(one.held.execution, lease_until=timezone.now() + timedelta(seconds=1))
    one.over._keep()
    assert one.now.lease_until > timezone.now() + timedelta(seconds=20)
    assert one.struck == []


def test_a_worker_says_that_it_is_alive(watch):
    before = alive_count()
    watch().over._keep()
    assert alive_count() == before + 1


def test_a_cancel_is_carried_to_the_child(watch):
    one = watch()
    one.over._keep()
    change(one.held.execution, cancel_requested_at=timezone.now())
    one.over._keep()
    assert (one.struck, one.slot.order) == ([os.getpid()], Order.CANCEL)


def test_a_deadline_is_carried_to_the_child_once(watch):
    one = watch()
    one.slot.set_deadline(time.monotonic() - 1)
    one.over._watch()
    one.over._watch()
    assert (one.struck, one.slot.order) == ([os.getpid()], Order.TIMEOUT)


def test_a_child_that_took_notice_is_left_its_time(watch, monkeypatch):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    killed = []
    monkeypatch.setattr(supervisor, "_kill_group", killed.append)
    for deadline in (time.monotonic() + 60, 0.0):
        one = watch()
        one.slot.set_deadline(time.monotonic() - 1)
        one.over._watch()
        one.slot.set_deadline(deadline)
        one.over._watch()
        one.over._watch()
        assert (killed, len(one.struck)) == ([], 1)


def test_a_lease_that_is_anothers_now_stops_the_child(watch):
    one = watch()
    change(one.held.execution, lease_token=9)
    one.over._keep()
    assert one.slot.order is Order.LOST


def test_too_much_memory_stops_the_child(watch, settings):
    settings.EXECUTION_MEMORY_BYTES = 1
    one = watch()
    one.over._watch()
    assert one.slot.order is Order.MEMORY


def test_too_much_processor_time_stops_the_child(watch, settings, monkeypatch):
    monkeypatch.setattr(supervisor, "WEIGH_EVERY_S", 0.0)
    one = watch()
    one.over._watch()
    assert one.slot.order is Order.NONE
    settings.EXECUTION_CPU = timedelta(seconds=0.05)
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    one.over._watch()
    assert one.slot.order is Order.CPU


def test_all_children_are_told_to_hand_back(watch):
    one = watch()
    one.over.hand_back_all()
    assert one.slot.order is Order.HAND_BACK


# --- children that do not answer, or died --------------------------------------------


def test_a_deaf_child_is_killed_with_all_its_processes_and_its_execution_ends(
    watch, deaf_child, monkeypatch
):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    process, helper = deaf_child
    one = watch(process.pid)
    one.slot.set_deadline(time.monotonic() - 1)
    one.over._watch()
    one.over._watch()
    assert process.wait(10) == -signal.SIGKILL
    wait_for(lambda: not helper.is_running() or helper.status() == "zombie")
    one.over._watch()
    one.over._keep()
    assert (one.now.status, one.now.error["code"]) == ("failed", "timeout")
    assert one.table.occupants() == []


def test_a_deaf_child_that_used_too_much_is_killed_and_says_so(
    watch, deaf_child, monkeypatch, settings
):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    monkeypatch.setattr(supervisor, "WEIGH_EVERY_S", 0.0)
    settings.EXECUTION_CPU = timedelta(seconds=-1)
    process, _ = deaf_child
    one = watch(process.pid)
    one.over._watch()
    one.over._watch()
    process.wait(10)
    one.over._watch()
    one.over._keep()
    assert (one.now.status, one.now.error["code"]) == ("failed", "too_much_cpu")


def test_a_deaf_child_that_was_cancelled_ends_as_cancelled(
    watch, deaf_child, monkeypatch
):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    process, _ = deaf_child
    one = watch(process.pid)
    change(one.held.execution, cancel_requested_at=timezone.now())
    one.over._keep()
    one.over._watch()
    process.wait(10)
    one.over._watch()
    one.over._keep()
    assert one.now.status == "cancelled"


def test_a_child_that_died_gives_its_lease_back_at_once(watch, deaf_child):
    process, helper = deaf_child
    one = watch(process.pid)
    process.kill()
    process.wait(10)
    one.over._watch()
    one.over._keep()
    assert (one.now.status, one.now.deliveries) == ("queued", 1)
    assert one.table.occupants() == []
    wait_for(lambda: not helper.is_running() or helper.status() == "zombie")


def test_what_a_child_claimed_goes_on_though_it_died_before_it_said_so(
    watch, deaf_child
):
    process, _ = deaf_child
    one = watch(process.pid)
    owner = leases.owner_name(one.over.identity.host, process.pid)
    change(one.held.execution, lease_owner=owner)
    one.table._memory[0] = CLAIMING
    process.kill()
    process.wait(10)
    one.over._watch()
    one.over._keep()
    assert (one.now.status, one.table.claiming()) == ("queued", [])


def test_a_death_is_told_even_when_the_slot_was_taken_again_meanwhile(
    watch, deaf_child, claim
):
    process, _ = deaf_child
    one = watch(process.pid)
    process.kill()
    process.wait(10)
    one.over._watch()
    other = claim()
    one.slot.take(other.execution.id, other.lease.token, 0.0)
    one.over._watch()
    one.over._keep()
    assert one.now.status == "queued"
    assert [found.execution_id for found in one.table.occupants()] == [
        other.execution.id
    ]


# --- a database that is away ---------------------------------------------------------


def away(*arguments):
    raise OperationalError("gone")


def test_a_death_during_an_outage_is_told_after_it(watch, deaf_child, monkeypatch):
    process, _ = deaf_child
    one = watch(process.pid)
    process.kill()
    process.wait(10)
    with monkeypatch.context() as patched:
        patched.setattr(leases, "free", away)
        one.over._watch()
        with pytest.raises(OperationalError):
            one.over._keep()
    assert one.now.status == "running"
    one.over._keep()
    assert one.now.status == "queued"


def test_a_lease_that_could_not_be_renewed_in_time_stops_its_step(watch, settings):
    one = watch()
    one.over._watch()
    settings.LEASE_DURATION = timedelta(0)
    one.over._watch()
    assert one.slot.order is Order.LOST


def test_a_child_that_waits_to_commit_is_not_killed_during_an_outage(
    watch, deaf_child, monkeypatch, settings
):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    monkeypatch.setattr(supervisor, "UNREACHABLE_AFTER_S", -1.0)
    process, _ = deaf_child
    one = watch(process.pid)
    one.over._watch()
    settings.LEASE_DURATION = timedelta(0)
    for _ in range(3):
        one.over._watch()
    assert one.slot.order is Order.LOST
    assert process.poll() is None


def test_a_child_whose_time_is_over_may_commit_after_an_outage(
    watch, deaf_child, monkeypatch
):
    monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.0)
    monkeypatch.setattr(supervisor, "UNREACHABLE_AFTER_S", -1.0)
    process, _ = deaf_child
    one = watch(process.pid)
    one.slot.set_deadline(time.monotonic() - 1)
    for _ in range(3):
        one.over._watch()
    assert one.slot.order is Order.TIMEOUT
    assert process.poll() is None


def test_a_renewal_that_failed_is_tried_again_at_once(watch, monkeypatch):
    one = watch()
    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", away)
        with pytest.raises(OperationalError):
            one.over._keep()
    change(one.held.execution, lease_until=timezone.now() + timedelta(seconds=1))
    one.over._keep()
    assert one.now.lease_until > timezone.now() + timedelta(seconds=20)


def test_the_threads_outlive_a_database_that_is_away(watch, monkeypatch, settings):
    monkeypatch.setattr(supervisor, "POLL_EVERY_S", 0.01)
    one = watch()
    calls = []

    def failing(held):
        calls.append(1)
        raise OperationalError("gone") if len(calls) % 2 else ValueError("ours")

    settings.LEASE_DURATION = timedelta(seconds=0.03)
    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", failing)
        one.over.start()
        wait_for(lambda: len(calls) > 3)
    one.over.stop()


# --- whole executions ----------------------------------------------------------------


def test_rule_03_a_step_that_blocks_longer_than_its_lease_keeps_it(engine, settings):
    settings.LEASE_DURATION = timedelta(seconds=1)
    step = {"id": "long", "type": "delay", "params": {"seconds": 2.5}}
    execution = engine.start({"steps": [step]})
    expired = []

    def look(one):
        expired.extend(leases.free_expired())

    with pytest.MonkeyPatch.context() as patched:
        keep = Supervisor._keep
        patched.setattr(Supervisor, "_keep", lambda self: (keep(self), look(self)))
        done = engine.run_started(execution.id)
    assert (done.status, done.deliveries, expired) == ("completed", 1, [])
