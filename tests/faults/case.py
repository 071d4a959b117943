"""What a fault is, and what it has to play with."""

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tests.faults.client import Document
from tests.faults.load import KEYED, PLAIN, Load, steady, unsafe
from tests.faults.stack import Stack, wait_until

Dose = Literal["short", "full"]
# What a busy machine may add to a goal in a short dose.
SLACK_S = 60.0


class NotRun(Exception):
    """This machine does not allow the fault; the message says why."""


@dataclass(frozen=True)
class Mark:
    """A moment, by both clocks, and the leases of the executions then struck."""

    at: float
    database: datetime
    tokens: dict[str, int]


@dataclass
class Run:
    """One fault that is being played.

    Attributes:
        loads: what was submitted.
        ends: how executions may end beside `completed`: codes of errors, statuses.
        facts: what was seen, for the row.
        wrong: expectations that did not hold.
        recovered_s: seconds until the platform worked again.
        settle_s: seconds that all executions may take to end after the fault.
    """

    stack: Stack
    dose: Dose
    loads: list[Load] = field(default_factory=list)
    ends: set[str] = field(default_factory=lambda: {"unknown_outcome"})
    facts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    recovered_s: float | None = None
    settle_s: float = 120.0

    @property
    def is_full(self) -> bool:
        """Whether the dose is the matrix's own."""
        return self.dose == "full"

    def pick(self, *, short: float, full: float) -> float:
        """A number by dose."""
        return full if self.is_full else short

    def expect(self, holds: Any, text: str) -> None:
        """Note what does not hold; the fault goes on."""
        if not holds:
            self.wrong.append(text)

    # --- load ----------------------------------------------------------------------

    def load(self, count: int = 200, *, rest: float) -> Load:
        """Submit executions, each resting so many seconds, and wait till they run.

        None runs before all are there: the first would be over by then.
        """
        ledger = self.stack.ledger
        documents = {KEYED: steady(ledger), PLAIN: unsafe(ledger)}
        load = self.load_of(documents)
        with self.stack.workers_asleep():
            load.submit(count, rest=rest)
        self.under_way(load)
        return load

    def load_of(self, documents: dict[str, Document]) -> Load:
        """An empty load of other workflows, by ledger book."""
        client = self.stack.client
        saved = {book: client.workflow(one) for book, one in documents.items()}
        self.loads.append(Load(client, saved))
        return self.loads[-1]

    def one(self, book: str, document: Document, **inputs: Any) -> str:
        """Submit a single execution of a workflow of its own; gives its id."""
        load = self.load_of({book: document})
        load.submit(1, **inputs)
        return load.ids[0]

    def under_way(self, load: Load, count: int = 6) -> None:
        """Wait until so many run."""
        count = min(count, len(load.accepted))
        wait_until(
            lambda: len(self.running(load)) >= count,
            within_s=60,
            what=f"{count} executions run at a time",
        )

    def running(self, load: Load) -> list[str]:
        """Executions that run now, those that ran first in front."""
        found = self.stack.rows(
            "SELECT id FROM executions_execution WHERE id = ANY(%s::uuid[])"
            " AND status = 'running' ORDER BY started_at",
            [load.ids],
        )
        return [str(row[0]) for row in found]

    def row(self, execution_id: str, columns: str) -> tuple[Any, ...]:
        """Columns of an execution."""
        query = f"SELECT {columns} FROM executions_execution WHERE id = %s"
        return self.stack.rows(query, [execution_id])[0]

    def ended(self, execution_id: str, *, within_s: float) -> tuple[str, str]:
        """Wait for its end; status and error code."""
        query = "status, coalesce(error->>'code', ''), finished_at"
        wait_until(
            lambda: self.row(execution_id, query)[2], within_s=within_s, what="its end"
        )
        status, code, _ = self.row(execution_id, query)
        return status, code

    def finish(self) -> None:
        """Wait until everything submitted has ended, however; again is harmless."""
        for load in self.loads:
            load.join()
        ids = [one for load in self.loads for one in load.ids]

        def is_over() -> bool:
            time.sleep(0.1)
            query = (
                "SELECT count(*) FROM executions_execution"
                " WHERE id = ANY(%s::uuid[]) AND finished_at IS NULL"
            )
            return bool(self.stack.rows(query, [ids])[0][0] == 0)

        try:
            wait_until(is_over, within_s=self.settle_s, what="all executions end")
        except TimeoutError:
            text = f"not all executions ended within {self.settle_s:.0f} s"
            self.expect(text in self.wrong, text)

    # --- recovery ------------------------------------------------------------------

    def mark(self, struck: Iterable[str] = ()) -> Mark:
        """This moment; `struck` are executions that have to go on after it."""
        rows = self.stack.rows(
            "SELECT id, lease_token FROM executions_execution"
            " WHERE id = ANY(%s::uuid[])",
            [list(struck)],
        )
        now = self.stack.rows("SELECT clock_timestamp()")[0][0]
        return Mark(time.monotonic(), now, {str(one): token for one, token in rows})

    def recovers(self, mark: Mark, *, goal_s: float) -> None:
        """Wait until what was struck goes on and work gets started or done again."""
        within_s = goal_s if self.is_full else goal_s + SLACK_S
        try:
            wait_until(
                lambda: self._has_recovered(mark),
                within_s=max(within_s - (time.monotonic() - mark.at), 0.1),
                what="work goes on",
            )
        except TimeoutError:
            self.wrong.append(f"work did not go on within {within_s:.0f} s")
        took_s = time.monotonic() - mark.at
        self.recovered_s = max(self.recovered_s or 0.0, took_s)

    def _has_recovered(self, mark: Mark) -> bool:
        time.sleep(0.05)
        now = self.stack.rows(
            "SELECT id, status, lease_token FROM executions_execution"
            " WHERE id = ANY(%s::uuid[])",
            [list(mark.tokens)],
        )
        for one, status, token in now:
            if status in {"queued", "running"} and token <= mark.tokens[str(one)]:
                return False
        ids = [one for load in self.loads for one in load.ids]
        open_, moved = self.stack.rows(
            "SELECT count(*) FILTER (WHERE status IN ('queued', 'running')),"
            " count(*) FILTER (WHERE greatest(started_at, finished_at) > %s)"
            " FROM executions_execution WHERE id = ANY(%s::uuid[])",
            [mark.database, ids],
        )[0]
        return bool(moved > 0 or open_ == 0)


@dataclass(frozen=True)
class Fault:
    """One row of the matrix.

    Attributes:
        number: its name, such as `F01`.
        title: what is done.
        expected: what the platform has to make of it.
        play: does it.
        is_quick: whether its short dose is part of the test suite.
        is_long: whether only of that part which `-m long` plays.
    """

    number: str
    title: str
    expected: str
    play: Callable[[Run], None]
    is_quick: bool = False
    is_long: bool = False


FAULTS: dict[str, Fault] = {}


def fault(
    number: str, title: str, *, expected: str, quick: bool = False, long: bool = False
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Put a function into the matrix."""

    def register(play: Callable[[Run], None]) -> Callable[[Run], None]:
        if number in FAULTS:
            raise ValueError(f"{number} is there twice")
        FAULTS[number] = Fault(number, title, expected, play, quick, long)
        return play

    return register


def matrix() -> dict[str, Fault]:
    """All faults, by number."""
    from tests.faults import matrix as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(FAULTS.items()))
