"""The records of one execution, in memory and in the database.

Records of cheap steps wait in memory. They are committed, in one transaction, at
the latest after 200 ms, and always before a `write` step starts, together with
the intent to run it. Every commit is fenced by the lease's token.
"""

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)

from apps.core import tenancy
from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.executions.engine import outputs
from apps.executions.engine.leases import Lease, LeaseLost
from apps.executions.engine.masking import Masker
from apps.executions.engine.records import Record
from apps.executions.models import StepRecord

log = logging.getLogger(__name__)

# A step that runs longer than this is shown while it runs.
SHOW_AFTER_S = 0.2
# How long a write is tried again when the database does not answer.
PATIENCE_S = 300.0

_COLUMNS = (
    "path text, attempt int, position int, step_id text, type text, name text,"
    " effect text, status text, is_final bool, started_at timestamptz,"
    " duration_ms int, output jsonb, packed text, error jsonb, warnings jsonb,"
    " variables jsonb, state jsonb"
)
_UPSERT = f"""
    WITH lease AS (
        SELECT organization_id FROM executions_execution
        WHERE id = %s AND lease_token = %s AND status = 'running' FOR SHARE)
    INSERT INTO executions_steprecord (execution_id, organization_id, path, attempt,
        position, step_id, type, name, effect, status, is_final, started_at,
        duration_ms, output, output_packed, error, warnings, variables, state)
    SELECT %s, lease.organization_id, path, attempt, position, step_id, type, name,
        effect, status, is_final, started_at, duration_ms, output,
        decode(packed, 'base64'), error, warnings, variables, state
    FROM lease, jsonb_to_recordset(%s::jsonb) AS r({_COLUMNS})
    ON CONFLICT (execution_id, path, attempt) DO UPDATE SET
        effect = EXCLUDED.effect, status = EXCLUDED.status,
        is_final = EXCLUDED.is_final, started_at = EXCLUDED.started_at,
        duration_ms = EXCLUDED.duration_ms, output = EXCLUDED.output,
        output_packed = EXCLUDED.output_packed, error = EXCLUDED.error,
        warnings = EXCLUDED.warnings, variables = EXCLUDED.variables,
        state = EXCLUDED.state
"""  # noqa: S608  # constants of ours only


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: records in all, bytes of an output in its row."""

    max_records: int
    inline_bytes: int


class Journal:
    """The records of one execution under one lease.

    Args:
        known: what earlier claims recorded.
    """

    def __init__(
        self,
        lease: Lease,
        *,
        masker: Masker,
        limits: Limits,
        known: Iterable[Record] = (),
    ) -> None:
        self.lease = lease
        self._masker = masker
        self._limits = limits
        self._known: dict[str, list[Record]] = {}
        self._position = 0
        self._redo_after = -1
        for record in known:
            self._learn(record)
        self._buffer = threading.Lock()
        self._flushing = threading.Lock()
        self._dirty: dict[tuple[str, int], str] = {}
        self._open: dict[tuple[str, int], Record] = {}
        self._shown: set[tuple[str, int]] = set()

    def _learn(self, record: Record) -> None:
        self._known.setdefault(record.path, []).append(record)
        self._position = max(self._position, record.position + 1)
        if record.status == Record.COMPLETED and "browser" in (record.state or {}):
            self._redo_after = max(self._redo_after, record.position)

    # --- what the interpreter asks and tells --------------------------------------

    def attempts(self, path: str) -> Sequence[Record]:
        """What is recorded for the path, by attempt."""
        return self._known.get(path, ())

    def next_position(self) -> int:
        """The next place in the order.

        Raises:
            PermanentFailure: the execution has too many step records.
        """
        with self._buffer:
            position = self._position
            self._position += 1
        if position >= self._limits.max_records:
            raise PermanentFailure(
                f"The execution has {position:,} step records, which is the limit.",
                code="too_many_steps",
            )
        return position

    def checkpoint(self) -> JsonObject | None:
        """The browser's last recorded state, to restore after a takeover."""
        for attempts in self._known.values():
            for record in attempts:
                if record.position == self._redo_after and record.state:
                    found: JsonObject | None = record.state.get("browser")
                    return found
        return None

    def must_redo(self, record: Record) -> bool:
        """Whether a settled `page` step has to be done again on a restored page."""
        return (
            record.effect == "page"
            and record.status == Record.COMPLETED
            and record.position > self._redo_after
        )

    def begin(self, record: Record) -> None:
        """A step starts."""
        with self._buffer:
            self._open[record.path, record.attempt] = record

    def intend(self, record: Record) -> None:
        """A `write` step starts: commit all before it, and the intent."""
        with self._buffer:
            self._open[record.path, record.attempt] = record
            self._dirty[record.path, record.attempt] = self._row(record)
        self.flush()

    def end(self, record: Record) -> None:
        """A step ended (or parked)."""
        row = self._row(record)
        with self._buffer:
            self._open.pop((record.path, record.attempt), None)
            self._dirty[record.path, record.attempt] = row

    # --- the database -------------------------------------------------------------

    def flush(self) -> None:
        """Commit what waits, trying for minutes when the database does not answer.

        Raises:
            LeaseLost: the execution is another worker's now.
        """
        persistently(self._flush_once)

    def _flush_once(self) -> None:
        with self._flushing:
            rows = self._take()
            if not rows:
                return
            try:
                with tenancy.tenant(self.lease.organization_id):
                    self.write(rows)
            except BaseException:
                self._give_back(rows)
                raise

    def _take(self) -> dict[tuple[str, int], str]:
        with self._buffer:
            rows, self._dirty = self._dirty, {}
        return rows

    def _give_back(self, rows: dict[tuple[str, int], str]) -> None:
        with self._buffer:
            self._dirty = {**rows, **self._dirty}

    def write(self, rows: dict[tuple[str, int], str]) -> None:
        """Write rows inside the open transaction.

        Raises:
            LeaseLost: the execution is another worker's now.
        """
        lease = self.lease
        document = f"[{','.join(rows.values())}]"
        with connection.cursor() as cursor:
            cursor.execute(
                _UPSERT,
                [lease.execution_id, lease.token, lease.execution_id, document],
            )
            if cursor.rowcount != len(rows):
                raise LeaseLost("the execution is another worker's now")

    def finish(self, write: Callable[[], None]) -> None:
        """Commit what waits together with what `write` does, in one transaction.

        Raises:
            LeaseLost: the execution is another worker's now.
        """

        def once() -> None:
            with self._flushing:
                rows = self._take()
                try:
                    with tenancy.tenant(self.lease.organization_id):
                        if rows:
                            self.write(rows)
                        write()
                except BaseException:
                    self._give_back(rows)
                    raise

        persistently(once)

    def show(self) -> None:
        """Commit what waits and what has been running for a while, to be watched."""
        threshold = datetime.now(UTC).timestamp() - SHOW_AFTER_S
        with self._buffer:
            for key, record in self._open.items():
                started = record.started_at.timestamp()
                if key not in self._shown and started < threshold:
                    self._shown.add(key)
                    self._dirty.setdefault(key, self._row(record))
        self._flush_once()

    def _row(self, record: Record) -> str:
        """The record as one JSON object for the database."""
        output, packed = record.output_json or "null", None
        if len(output) > self._limits.inline_bytes:
            packed = base64.b64encode(outputs.pack(output)).decode()
            output = "null"
        rest = json.dumps(
            {
                "path": record.path,
                "attempt": record.attempt,
                "position": record.position,
                "step_id": record.step_id,
                "type": record.type,
                "name": record.name,
                "effect": record.effect,
                "status": record.status,
                "is_final": record.is_final,
                "started_at": record.started_at.isoformat(),
                "duration_ms": record.duration_ms,
                "packed": packed,
                "error": record.error,
                "warnings": self._masker.mask(record.warnings),
                "variables": self._masker.mask(record.variables),
                "state": self._masker.mask(record.state),
            },
            ensure_ascii=False,
        )
        return f'{rest[:-1]},"output":{output}}}'


def load(lease: Lease, masker: Masker, secrets: Any) -> list[Record]:
    """Everything recorded for the execution so far, secrets put back in."""
    with tenancy.tenant(lease.organization_id):
        rows = StepRecord.objects.filter(execution_id=lease.execution_id)
        return [
            _record(row, masker, secrets)
            for row in rows.order_by("position", "attempt")
        ]


def _record(row: StepRecord, masker: Masker, secrets: Any) -> Record:
    output = row.output
    if row.output_packed is not None:
        output = outputs.unpack(bytes(row.output_packed))
    stored = json.dumps(output, ensure_ascii=False, separators=(",", ":"))
    return Record(
        path=row.path,
        attempt=row.attempt,
        position=row.position,
        step_id=row.step_id,
        type=row.type,
        name=row.name,
        effect=row.effect,
        status=row.status,
        is_final=row.is_final,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        output=masker.unmask(output, secrets),
        output_json=stored,
        error=row.error,
        warnings=row.warnings,
        variables=masker.unmask(row.variables, secrets),
        state=masker.unmask(row.state, secrets),
    )


def persistently(work: Callable[[], None], *, patience_s: float = PATIENCE_S) -> None:
    """Do `work`, again and again while the database does not answer.

    A success must never become a failure by a blip of the database.

    Raises:
        OperationalError, InterfaceError: it did not come back in time.
    """
    give_up = time.monotonic() + patience_s
    pause = 0.05
    while True:
        try:
            work()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up:
                raise
            log.warning("database does not answer", extra={"retry_in_s": pause})
            close_old_connections()
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


class Flusher:
    """Commits a journal's waiting records every 200 ms, in a thread of its own."""

    def __init__(self, interval_s: float = 0.2) -> None:
        self._interval_s = interval_s
        self._journal: Journal | None = None
        self._busy = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def watch(self, journal: Journal) -> None:
        """Start to flush this journal."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._loop, name="journal flusher", daemon=True
            )
            self._thread.start()
        self._journal = journal
        self._wanted.set()

    def release(self) -> None:
        """Stop; no flush of it is under way when this returns."""
        self._wanted.clear()
        self._journal = None
        with self._busy:
            return

    def stop(self) -> None:
        """End the thread."""
        self.release()
        self._stopping = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        while self._wanted.wait() and not self._stopping:
            time.sleep(self._interval_s)
            with self._busy:
                journal = self._journal
                if journal is not None:
                    self._show(journal)
        connections.close_all()

    def _show(self, journal: Journal) -> None:
        try:
            journal.show()
        except (OperationalError, InterfaceError):
            # The records stay in memory; the next round or step tries again.
            close_old_connections()
        except LeaseLost:
            # The main thread meets the same at its next commit.
            log.info("lease lost", extra={"execution_id": journal.lease.execution_id})
