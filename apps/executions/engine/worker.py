"""Joins the engine to Celery: the supervisor in the parent, a slot in each child."""

import contextlib
import importlib
import logging
import os
import threading
from functools import partial
from typing import Any

from billiard import current_process
from celery import bootsteps
from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)
from celery.worker import state
from django.conf import settings
from django.db import connections

from apps.core import tenancy
from apps.executions.engine import canary, interrupts, rebirth
from apps.executions.engine.broker import BrokerError, queue_name
from apps.executions.engine.broker_watch import BrokerWatch
from apps.executions.engine.chaining import Chain
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.intake import Intake
from apps.executions.engine.runner import Place
from apps.executions.engine.slots import Flag, Slot, SlotTable
from apps.executions.engine.supervisor import Supervisor
from apps.executions.engine.tools import ProcessTools
from apps.executions.engine.workers import Identity, say_gone

log = logging.getLogger(__name__)

# Made on import, so before the fork: parent and children share it.
TABLE = SlotTable(256)
_place: Place | None = None
_supervisor: Supervisor | None = None
_identity: Identity | None = None


class SupervisorStep(bootsteps.StartStopStep):
    """Starts the supervisor with the worker and stops it after the pool."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._supervisor: Supervisor | None = None
        self._watch: BrokerWatch | None = None
        global _identity
        self._identity = Identity(pool=",".join(pools()), capacity=worker.concurrency)
        _identity = self._identity
        # Chosen before the consumer is made, so it is there from the first moment.
        worker.app.amqp.queues.select_add(canary.consumed(self._identity))
        # Before the fork: every child would spend half a second on it otherwise.
        importlib.import_module("apps.steps.browser.chromium.driver")

    def start(self, worker: Any) -> None:
        """Refuse a database role that row level security does not bind; watch."""
        global _supervisor
        tenancy.assert_bound_role()
        intake = Intake(worker, [queue_name(pool) for pool in pools()])
        supervisor = _supervisor = self._supervisor = Supervisor(
            TABLE,
            self._identity,
            heard_ago_s=canary.heard_ago_s,
            on_beat=lambda is_drained: intake.keep(is_open=not is_drained),
        )
        supervisor.start()
        self._watch = BrokerWatch(
            TABLE,
            self._identity,
            is_full=lambda: len(state.reserved_requests) >= worker.concurrency,
            on_deaf=partial(rebirth.start_anew, supervisor, TABLE),
        )
        self._watch.start()
        # Children must not inherit this thread's connection.
        connections.close_all()

    def stop(self, worker: Any) -> None:
        """The pool has ended: nothing is left to watch."""
        if self._watch is not None:
            self._watch.stop()
        if self._supervisor is not None:
            self._supervisor.stop()
            say_gone(self._identity)
            connections.close_all()

    def terminate(self, worker: Any) -> None:
        """The same when the worker is in a hurry."""
        self.stop(worker)


def pools() -> list[str]:
    """The pools that this worker serves."""
    return os.environ.get("RPA_POOL", "default").split(",")


@worker_process_init.connect
def prepare_child(**_: Any) -> None:
    """Make a child of the pool ready to run executions."""
    global _place
    # Its browser and helpers join this group, so that one kill ends them all.
    os.setpgid(0, 0)
    index: int = current_process().index  # type: ignore[attr-defined]  # pool workers
    slot = Slot(TABLE, index)
    # A signal for the execution before may come when the next one runs already.
    interrupts.install(lambda: slot.is_ordered)
    # What a predecessor that was killed could not remove.
    tools = ProcessTools()
    tools.remove_leftovers()
    _place = Place(slot, tools, Flusher(), Chain(_next_pool))


def _next_pool() -> str | None:
    """From where an execution may be taken together with the end of another.

    The first pool goes before the others in any case.
    """
    return pools()[0] if TABLE.may_take else None


@worker_process_shutdown.connect
def leave_child(**_: Any) -> None:
    """End what a child keeps between executions, its browser above all."""
    if _place is not None:
        _place.tools.close()


def place() -> Place:
    """Where this child runs its executions."""
    if _place is None:
        raise RuntimeError("executions run in children of a worker's pool only")
    return _place


@worker_shutting_down.connect
def start_grace(**_: Any) -> None:
    """After the grace, hand back what still runs; another worker goes on with it."""
    TABLE.set(Flag.STOPPING, to=True)
    if _supervisor is None:
        return
    timer = threading.Timer(
        settings.WORKER_GRACE.total_seconds(), _supervisor.hand_back_all
    )
    timer.daemon = True
    timer.start()


@worker_shutdown.connect
def leave_broker(**_: Any) -> None:
    """Last of all: the steps have stopped, and the consumer's connection is closed."""
    if _identity is not None:
        with contextlib.suppress(BrokerError):
            canary.hush(_identity)
