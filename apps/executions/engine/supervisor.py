"""Watches over the children of a worker, from threads of its parent process.

One thread keeps time: it finds children that died, interrupts those whose time is
over or that use too much of the machine, and kills the process group of one that does
not answer within 10 s. The other talks to the database: it renews leases, fetches
cancels, frees what dead children held, and says that this worker is alive. A
database that hangs so never stops the clock.
"""

import contextlib
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from apps.executions.engine import breaches, interrupts, leases
from apps.executions.engine.breaches import Usage, usage_of
from apps.executions.engine.dispatcher import ring
from apps.executions.engine.slots import Flag, Occupant, Order, SlotTable
from apps.executions.engine.workers import Identity, say_alive

log = logging.getLogger(__name__)

WATCH_EVERY_S = 0.2
POLL_EVERY_S = 0.5
RENEW_EVERY_S = 5.0
BEAT_EVERY_S = 2.0
WEIGH_EVERY_S = 2.0
KILL_AFTER_S = 10.0
UNREACHABLE_AFTER_S = 3.0

_Key = tuple[uuid.UUID, int]


@dataclass
class _Warned:
    """An interrupt that was sent and not yet obeyed."""

    order: Order
    at: float


class Supervisor:
    """Keeps the leases and limits of everything that runs in `table`.

    Args:
        interrupt: how to interrupt the process of an occupant.
        heard_ago_s: how long ago this worker heard from the broker, for its row.
        on_beat: told every two seconds whether somebody wants this worker drained.
    """

    def __init__(
        self,
        table: SlotTable,
        identity: Identity,
        *,
        interrupt: Callable[[int], None] | None = None,
        may_kill: bool = True,
        heard_ago_s: Callable[[], float | None] = lambda: None,
        on_beat: Callable[[bool], None] = lambda is_drained: None,
    ) -> None:
        self.table = table
        self.identity = identity
        self._interrupt = interrupt or _signal
        self._may_kill = may_kill
        self._heard_ago_s = heard_ago_s
        self._on_beat = on_beat
        self._warned: dict[_Key, _Warned] = {}
        self._renewed: dict[_Key, float] = {}
        self._weighed: dict[_Key, Usage] = {}
        self._done_at: dict[str, float] = {}
        self._dead: dict[_Key, tuple[Occupant, Order]] = {}
        self._dead_claimers: set[tuple[int, int]] = set()
        self._reached = time.monotonic()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start both threads, and let go on what a former self left behind."""
        try:
            self._ring_freed(leases.free_dead(self.identity.host, _is_alive))
        except DatabaseError:
            # Those leases run out by themselves.
            log.warning("database does not answer", exc_info=True)
        for name, every, work in (
            ("watch", WATCH_EVERY_S, self._watch),
            ("keep", POLL_EVERY_S, self._keep),
        ):
            thread = threading.Thread(
                target=self._loop, args=(every, work), name=name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop both threads; leases that are held run out by themselves."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _loop(self, every_s: float, work: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except DatabaseError:
                log.warning("database does not answer", exc_info=True)
                close_old_connections()
            except Exception:
                # Without this thread every lease of this worker would run out.
                log.exception("supervisor stumbled")
            self._stopping.wait(every_s)
        connections.close_all()

    def hand_back_all(self) -> None:
        """Interrupt everything, to go on elsewhere from the last recorded step."""
        for occupant in self.table.occupants():
            self._tell(occupant, Order.HAND_BACK)

    # --- the clock ----------------------------------------------------------------

    def _watch(self) -> None:
        now = time.monotonic()
        occupants = self.table.occupants()
        self._forget_others({_key(occupant) for occupant in occupants})
        weigh = self._is_time("weigh", WEIGH_EVERY_S)
        for index, process_id in self.table.claiming():
            if not _is_alive(process_id):
                self._dead_claimers.add((index, process_id))
        for occupant in occupants:
            if _key(occupant) in self._dead:
                continue
            if not _is_alive(occupant.process_id):
                self._note_death(occupant)
            elif warned := self._warned.get(_key(occupant)):
                self._insist(occupant, warned, now)
            elif 0 < occupant.deadline <= now:
                self._tell(occupant, Order.TIMEOUT)
            elif self._is_expired(occupant, now):
                self._tell(occupant, Order.LOST)
            elif weigh and (order := self._weigh(occupant)):
                self._tell(occupant, order)

    def _forget_others(self, present: set[_Key]) -> None:
        for known in (self._warned, self._renewed, self._weighed):
            for key in set(known) - present:
                known.pop(key, None)

    def _is_expired(self, occupant: Occupant, now: float) -> bool:
        """Whether its lease was not renewed in time: another may have it by now."""
        renewed = self._renewed.setdefault(_key(occupant), now)
        return now - renewed > settings.LEASE_DURATION.total_seconds()

    def _weigh(self, occupant: Occupant) -> Order | None:
        """Which bound of the machine it has broken, if any."""
        now = usage_of(occupant.process_id)
        return breaches.broken_by(now, self._weighed.setdefault(_key(occupant), now))

    def _tell(self, occupant: Occupant, order: Order) -> None:
        self._warned[_key(occupant)] = _Warned(order, time.monotonic())
        self.table.order(occupant, order)
        self._interrupt(occupant.process_id)

    def _insist(self, occupant: Occupant, warned: _Warned, now: float) -> None:
        """Signal again what may have been missed; kill what does not answer."""
        if warned.order is Order.TIMEOUT and not 0 < occupant.deadline <= now:
            # It took notice: was granted time for its handlers, or is finishing.
            self._warned.pop(_key(occupant), None)
            return
        is_unreachable = now - self._reached > UNREACHABLE_AFTER_S
        if is_unreachable and warned.order not in (Order.MEMORY, Order.CPU):
            # It may be waiting to commit what it did, as we are to renew.
            warned.at = now
        if now - warned.at > KILL_AFTER_S and self._may_kill:
            self._kill(occupant, warned.order)
        elif now - warned.at > 1.0 and warned.order is not Order.TIMEOUT:
            self._interrupt(occupant.process_id)

    def _kill(self, occupant: Occupant, order: Order) -> None:
        log.error(
            "child does not answer; killing its process group",
            extra={
                "execution_id": occupant.execution_id,
                "process_id": occupant.process_id,
                "order": order.name,
            },
        )
        _kill_group(occupant.process_id)

    def _note_death(self, occupant: Occupant) -> None:
        """A child died: end what it left behind; the other thread tells the rest."""
        _kill_group(occupant.process_id)
        log.warning(
            "child died",
            extra={
                "execution_id": occupant.execution_id,
                "process_id": occupant.process_id,
            },
        )
        warned = self._warned.get(_key(occupant))
        self._dead[_key(occupant)] = occupant, warned.order if warned else Order.NONE

    # --- the database -------------------------------------------------------------

    def _keep(self) -> None:
        close_old_connections()
        for occupant, order in list(self._dead.values()):
            self._bury(occupant, order)
        for index, process_id in list(self._dead_claimers):
            self._bury_claimer(index, process_id)
        held = [_key(occupant) for occupant in self.table.occupants()]
        lease_s = settings.LEASE_DURATION.total_seconds()
        if self._is_due("renew", min(RENEW_EVERY_S, lease_s / 3)):
            if held:
                self._renew(held)
            # Not before: one that failed is tried again in the next round.
            self._note_done("renew")
        elif held:
            for execution_id in leases.cancels_among(key[0] for key in held):
                self._order(execution_id, Order.CANCEL)
        if self._is_time("beat", BEAT_EVERY_S):
            self._beat(active=len(held))
        self._reached = time.monotonic()

    def _beat(self, *, active: int) -> None:
        is_drained = say_alive(
            self.identity, active=active, heard_ago_s=self._heard_ago_s()
        )
        self.table.set(Flag.DRAINING, to=is_drained)
        self._on_beat(is_drained)

    def _bury(self, occupant: Occupant, order: Order) -> None:
        """Let the execution of a dead child go on, or end it if we killed the child."""
        if error := breaches.ERRORS.get(order):
            leases.fail_killed(occupant.execution_id, occupant.lease_token, error)
        else:
            self._ring_freed(leases.free(occupant.execution_id, occupant.lease_token))
        # It may have taken another one together with the end of this.
        owner = leases.owner_name(self.identity.host, occupant.process_id)
        self._ring_freed(leases.free_owned(owner))
        # Last: when the database does not answer, the next round tries again.
        current = self.table.read(occupant.index)
        if current is not None and _key(current) == _key(occupant):
            self.table.free(occupant.index)
        self._dead.pop(_key(occupant), None)

    def _bury_claimer(self, index: int, process_id: int) -> None:
        """Let go on what a child had claimed that died before it could say so."""
        owner = leases.owner_name(self.identity.host, process_id)
        self._ring_freed(leases.free_owned(owner))
        self.table.free(index)
        self._dead_claimers.discard((index, process_id))

    def _ring_freed(self, freed: list[leases.Freed]) -> None:
        for one in freed:
            if one.status == "queued":
                ring(one.execution_id, one.pool)

    def _renew(self, held: list[_Key]) -> None:
        now = time.monotonic()
        kept = leases.renew(held)
        for execution_id, token in held:
            if execution_id not in kept:
                self._order(execution_id, Order.LOST)
                continue
            self._renewed[execution_id, token] = now
            if kept[execution_id]:
                self._order(execution_id, Order.CANCEL)

    def _order(self, execution_id: uuid.UUID, order: Order) -> None:
        for occupant in self.table.occupants():
            is_new = _key(occupant) not in self._warned
            if occupant.execution_id == execution_id and is_new:
                self._tell(occupant, order)

    def _is_time(self, name: str, every_s: float) -> bool:
        is_due = self._is_due(name, every_s)
        if is_due:
            self._note_done(name)
        return is_due

    def _is_due(self, name: str, every_s: float) -> bool:
        done_at = self._done_at.get(name)
        return done_at is None or time.monotonic() - done_at >= every_s

    def _note_done(self, name: str) -> None:
        self._done_at[name] = time.monotonic()


def _key(occupant: Occupant) -> _Key:
    return occupant.execution_id, occupant.lease_token


def _signal(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, interrupts.SIGNAL)


def _kill_group(process_id: int) -> None:
    # A child leads its own group (see `worker.py`), so the browser goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)


def _is_alive(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
