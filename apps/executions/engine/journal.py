"""The records of one execution, in memory and in the database.

Records of cheap steps wait in memory. They are committed, in one transaction, at
the latest after 200 ms, and always before a `write` step starts, together with
the intent to run it. Every commit is fenced by the lease's token.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.executions.engine import rows
from apps.executions.engine.hints import hint
from apps.executions.engine.leases import Lease
from apps.executions.engine.masking import Masker
from apps.executions.engine.persistence import persistently
from apps.executions.engine.records import Record
from apps.executions.engine.whereabouts import Change

# More than this never waits in memory, however slow the database is.
MOST_WAITING = 16 * 1024 * 1024
# For the steps that tell people that the limit of records was reached.
_HANDLERS_RECORDS = 1_000

_Key = tuple[str, int]
Finish = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: records in all, bytes of an output in its row."""

    max_records: int
    inline_bytes: int


class Journal:
    """The records of one execution under one lease.

    Args:
        known: what earlier claims recorded, in the order of the steps.
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
        self._most = limits.max_records
        self._known: dict[str, list[Record]] = {}
        self._position = 0
        self._redo_after = self._past_at = -1
        self._checkpoint: JsonObject | None = None
        self._last: Record | None = None
        self._unsettled: set[_Key] = set()
        for record in known:
            self._learn(record)
        self._buffer = threading.Lock()
        self._flushing = threading.Lock()
        self._dirty: dict[_Key, str] = {}
        self._waiting_chars = 0
        # What has begun and not ended: the step, and the blocks around it.
        self._open: dict[_Key, Record] = {}
        self._shown: set[_Key] = set()
        self._noticed: set[_Key] = set()

    def _learn(self, record: Record) -> None:
        self._known.setdefault(record.path, []).append(record)
        self._position = max(self._position, record.position + 1)
        if record.status not in Record.ENDED:
            self._unsettled.add((record.path, record.attempt))
        if "browser" in (record.state or {}):
            self._learn_checkpoint(record)

    def _learn_checkpoint(self, record: Record) -> None:
        # What a `page` step did is not in its checkpoint: it is done again, and what
        # became of that does not matter.
        state = record.state or {}
        if (change := state.get("page")) is None:
            redo_after = record.position - (record.effect == "page")
            self._redo_after = max(self._redo_after, redo_after)
        elif change == Change.PAST:
            self._past_at = max(self._past_at, record.position)
        # The last one in the order of the steps.
        self._checkpoint = state["browser"]

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
            position, most = self._position, self._most
            if position < most:
                self._position += 1
                return position
            # Once: what handles the failure needs records too.
            self._most = self._limits.max_records + _HANDLERS_RECORDS
        raise PermanentFailure(
            f"The execution has {position:,} step records, which is the limit.",
            code="too_many_steps",
        )

    def checkpoint(self) -> JsonObject | None:
        """The browser's last recorded state, to restore after a takeover."""
        return self._checkpoint

    def must_redo(self, record: Record) -> bool:
        """Whether a settled `page` step has to be done again on a restored page."""
        return (
            record.effect == "page"
            and record.status == Record.COMPLETED
            and record.position > self._redo_after
        )

    def may_be_past(self, record: Record) -> bool:
        """Whether what that step typed may have served, and its field may be gone."""
        return self.must_redo(record) and record.position <= self._past_at

    def begin(self, record: Record) -> None:
        """A step starts."""
        with self._buffer:
            self._open[record.path, record.attempt] = record
        hint(self.lease, record)

    def intend(self, record: Record) -> None:
        """A `write` step starts: commit all before it, and the intent."""
        key = record.path, record.attempt
        with self._buffer:
            self._open[key] = record
        hint(self.lease, record)
        self.flush()

    def end(self, record: Record) -> None:
        """A step ended (or parked)."""
        key = record.path, record.attempt
        row = self._row(record)
        with self._buffer:
            self._last = record
            self._open.pop(key, None)
            self._dirty[key] = row
            self._waiting_chars += len(row)
            if record.status == Record.WAITING:
                self._unsettled.add(key)
            elif self._unsettled:
                self._unsettled.discard(key)
        hint(self.lease, record)
        if self._waiting_chars > MOST_WAITING:
            self.flush()

    def add_checkpoint(self, checkpoint: JsonObject) -> None:
        """Record it with what ended last, before the execution is put aside."""
        record = self._last
        if record is None:
            return
        record.state = {**(record.state or {}), **checkpoint}
        row = self._row(record)
        with self._buffer:
            self._dirty[record.path, record.attempt] = row

    @property
    def has_open(self) -> bool:
        """Whether some step has neither ended nor been given up."""
        return bool(self._open or self._unsettled)

    # --- the database -------------------------------------------------------------

    def flush(self) -> None:
        """Commit what waits, trying for minutes when the database does not answer.

        Raises:
            LeaseLost: the execution is another worker's now.
        """
        persistently(self._flush_once)

    def finish(self, finish: Finish) -> None:
        """Commit what waits together with the end, in one transaction.

        Args:
            finish: commits it, given the rows that wait.

        Raises:
            LeaseLost: the execution is another worker's now.
        """
        persistently(lambda: self._commit(finish))

    def show(self) -> None:
        """Commit what waits and what has been running for a while, to be watched."""
        with self._buffer:
            new = self._open.keys() - self._shown
            # What the last look saw already has been running since then.
            is_news = bool(self._dirty or new & self._noticed)
            self._noticed = new
        if is_news:
            self._flush_once()

    def _flush_once(self) -> None:
        self._commit(None)

    def _commit(self, finish: Finish | None) -> None:
        with self._flushing:
            taken = self._take()
            if not taken and finish is None:
                return
            try:
                *early, last = rows.chunks(list(taken.values()))
                for chunk in early:
                    rows.write(self.lease, chunk)
                if finish is None:
                    rows.write(self.lease, last)
                else:
                    finish(last)
            except BaseException:
                self._give_back(taken)
                raise

    def _take(self) -> dict[_Key, str]:
        """What waits, and what has begun and is not yet in the database."""
        with self._buffer:
            taken, self._dirty = self._dirty, {}
            self._waiting_chars = 0
            for key, record in self._open.items():
                if key not in self._shown:
                    self._shown.add(key)
                    taken[key] = self._row(record)
        return taken

    def _give_back(self, taken: dict[_Key, str]) -> None:
        with self._buffer:
            self._dirty = {**taken, **self._dirty}
            self._waiting_chars = sum(map(len, self._dirty.values()))

    def _row(self, record: Record) -> str:
        return rows.row_of(record, self._masker, inline_bytes=self._limits.inline_bytes)
