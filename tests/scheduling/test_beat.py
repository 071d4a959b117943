"""The loops of a beat process."""

import threading

import pytest
from django.db import OperationalError, connection

from apps.scheduling.beat import Loop, loops


def counted(limit, *, gives=None, fails=None):
    """Work that counts its calls, and the event that is set after `limit` of them."""
    done, calls = threading.Event(), []

    def work():
        calls.append(1)
        if len(calls) >= limit:
            done.set()
        if fails is not None:
            raise fails
        return gives

    return work, done, calls


def ran(work, done, every_s=0.001):
    loop = Loop("test", every_s, work)
    loop.start()
    assert done.wait(20)
    loop.stop()
    loop.join(20)
    assert not loop.is_alive()


@pytest.mark.parametrize(
    "fault", [OperationalError("gone"), ValueError("ours"), KeyError("x")]
)
def test_a_loop_outlives_every_fault(db, fault):
    work, done, calls = counted(3, fails=fault)
    ran(work, done)
    assert len(calls) >= 3


def test_a_loop_does_not_pause_while_there_is_something_to_do(db):
    work, done, _ = counted(3, gives=500)
    ran(work, done, every_s=3600)


def test_a_loop_pauses_when_there_is_nothing_to_do(db):
    work, done, calls = counted(1, gives=0)
    loop = Loop("test", 3600, work)
    loop.start()
    assert done.wait(20)
    loop.stop()
    loop.join(20)
    assert len(calls) == 1


def test_a_beat_has_all_its_loops():
    names = {loop.name for loop in loops()}
    assert names == {
        *("publisher", "waker", "reconciler", "second look", "pruner", "heartbeat"),
        *("teller", "webhooks", "pruner of deliveries"),
    }


@pytest.mark.django_db(transaction=True)
def test_a_loop_goes_on_after_its_connection_was_cut():
    pids, done = [], threading.Event()

    def work():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
            if len(pids) == 1:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        done.set()

    ran(work, done)
    assert len(set(pids)) == 2
