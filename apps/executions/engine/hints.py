"""Tells people who watch that steps begin and end: hints, outside all order.

Nothing depends on them: they are not stored, and a client that connects reads the
steps by REST. So a step pays for one look into a dictionary and at most one append;
a thread does the rest, sends the hints of an execution together, and drops what Redis
does not take at once. Who is not watched sends nothing: whether somebody in any web
process listens is asked once a second for each workflow that runs here.
"""

import logging
import threading
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

import redis

from apps.core.per_process import PerProcess
from apps.core.types import JsonObject
from apps.events import layer
from apps.events.channels import EXECUTIONS, Channel
from apps.events.published import compact
from apps.executions.engine import broker
from apps.executions.engine.leases import Lease
from apps.executions.engine.records import Record

log = logging.getLogger(__name__)

TOGETHER_S = 0.1
_ASK_EVERY_S = 1.0
_PATIENCE_S = 0.5
_AWAY_S = 1.0
# More in a tenth of a second nobody can see; what is older is dropped.
_LONGEST = 500
_MOST_WORKFLOWS = 1_000

_TYPES = {
    Record.RUNNING: "step-started",
    Record.COMPLETED: "step-completed",
    Record.SKIPPED: "step-completed",
    Record.FAILED: "step-failed",
    Record.CANCELLED: "step-failed",
    Record.UNKNOWN: "step-failed",
}


class _Hint(NamedTuple):
    """What a step is now; a record changes later. The thread makes a message of it.

    `put_at` is of `time.monotonic()`, when it was handed to the thread.
    """

    lease: Lease
    type: str
    record: Record
    status: str
    duration_ms: int | None
    error_code: str | None
    at: datetime
    put_at: float

    @property
    def channel(self) -> Channel:
        return Channel(EXECUTIONS, self.lease.workflow_id, self.lease.organization_id)

    @property
    def body(self) -> JsonObject:
        """What is safe to show: no outputs and messages, which may hold secrets."""
        return {
            "type": self.type,
            "executionId": str(self.lease.execution_id),
            "workflowId": str(self.lease.workflow_id),
            "timestamp": self.at.astimezone(UTC).isoformat(),
            "path": self.record.path,
            "stepId": self.record.step_id,
            "stepType": self.record.type,
            "name": self.record.name,
            "status": self.status,
            "attempt": self.record.attempt,
            "durationMs": self.duration_ms,
            "errorCode": self.error_code,
        }


class _Watched(NamedTuple):
    """Whether somebody listens, as it was when Redis was asked."""

    is_watched: bool
    until: float


class _Herald:
    """One process's sending thread."""

    def __init__(self) -> None:
        # By workflow; written by the thread alone.
        self.watched: dict[uuid.UUID, _Watched] = {}
        self.away_until = 0.0
        self.waiting: deque[_Hint] = deque(maxlen=_LONGEST)
        # Of the thread alone: the execution that was the last to say something, and
        # what it said when it had just begun.
        self._current: uuid.UUID | None = None
        self._kept: list[_Hint] = []
        self._has_some = threading.Event()
        self._client = broker.connect(_PATIENCE_S)
        threading.Thread(target=self._loop, name="hints", daemon=True).start()

    def wants(self, workflow_id: uuid.UUID) -> bool:
        """Whether hints of this workflow are of use, as far as is known."""
        now = time.monotonic()
        known = self.watched.get(workflow_id)
        if known is not None and known.until > now:
            return known.is_watched
        return now >= self.away_until

    def put(self, hint: _Hint) -> None:
        """Send it soon, or never."""
        self.waiting.append(hint)
        if not self._has_some.is_set():
            self._has_some.set()

    def _loop(self) -> None:
        while True:
            if not self._kept:
                self._has_some.wait()
            time.sleep(TOGETHER_S)
            self._has_some.clear()
            hints = [self.waiting.popleft() for _ in range(len(self.waiting))]
            try:
                self._send(self._worth_telling([*self._kept, *hints]))
            except redis.RedisError:
                self.away_until = time.monotonic() + _AWAY_S
            except Exception:
                log.exception("hints stumbled")

    def _worth_telling(self, hints: list[_Hint]) -> list[_Hint]:
        """Only what is of the execution that runs now, and not only for a moment.

        A process runs one after the other. Who watches one that has ended is told of
        that by its event, and reads its steps then; thousands of short ones would
        drown it. So one that has just begun is kept for the next time.
        """
        latest = hints[-1].lease.execution_id if hints else None
        current = [hint for hint in hints if hint.lease.execution_id == latest]
        known, self._current = self._current, latest
        is_new = latest != known
        if is_new and current and time.monotonic() - current[0].put_at < TOGETHER_S:
            self._kept = current
            return []
        self._kept = []
        return current

    def _send(self, hints: list[_Hint]) -> None:
        self._ask({hint.channel for hint in hints})
        by_channel: dict[Channel, list[str]] = {}
        for hint in hints:
            if self.watched[hint.lease.workflow_id].is_watched:
                by_channel.setdefault(hint.channel, []).append(compact(hint.body))
        messages = [
            (one.group, {"type": "hints", "group": one.group, "hints": bodies})
            for one, bodies in by_channel.items()
        ]
        if messages:
            layer.send(self._client, messages)

    def _ask(self, channels: set[Channel]) -> None:
        """Ask Redis who is watched, where that is not known or long ago."""
        now = time.monotonic()
        if len(self.watched) > _MOST_WORKFLOWS:
            self.watched = {}
        groups = {
            channel.group: channel.id
            for channel in channels
            if channel.id not in self.watched or self.watched[channel.id].until <= now
        }
        found = layer.listened(self._client, list(groups))
        for group, workflow_id in groups.items():
            watched = _Watched(group in found, now + _ASK_EVERY_S)
            self.watched[workflow_id] = watched


_herald = PerProcess(_Herald)


def hint(lease: Lease, record: Record) -> None:
    """A step begins or has ended: tell who watches, without waiting for anything."""
    herald = _herald.get()
    if not herald.wants(lease.workflow_id):
        return
    type_ = _TYPES.get(record.status)
    if type_ is not None:
        code = record.error.get("code") if record.error else None
        shown = record.status, record.duration_ms, code, record.ended_at
        herald.put(_Hint(lease, type_, record, *shown, time.monotonic()))
