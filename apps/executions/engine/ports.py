"""What the interpreter needs from the world around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from apps.core.errors import RpaError
from apps.core.expressions import Scope
from apps.core.types import Json, JsonObject
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import Value
from apps.steps.context import Resumption
from apps.steps.signals import FlowSignal
from apps.workflows.definition.model import Node


@dataclass(slots=True)
class Result:
    """What one attempt gave.

    Attributes:
        output: as later steps see it.
        output_json, variables_json: as they are stored, secrets masked.
        state: a browser's checkpoint, if the step made one.
    """

    output: Json
    output_json: str
    variables: JsonObject = field(default_factory=dict)
    variables_json: str = "{}"
    warnings: list[str] = field(default_factory=list)
    state: JsonObject | None = None


class BlockTimedOut(BaseException):
    """The time limit of a block around the step has passed.

    Attributes:
        path: the block's.
        error: as it stands in the records.
    """

    def __init__(self, path: str, error: JsonObject) -> None:
        super().__init__(path)
        self.path = path
        self.error = error


class TimedOut(RpaError):
    """A step ran longer than its own time limit."""

    code = "timeout"

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"The step ran longer than its time limit of {limit.total_seconds():g} s.",
            limit_s=limit.total_seconds(),
        )


class ExecutionTimedOut(FlowSignal):
    """The execution's own time limit has passed.

    Attributes:
        error: as it stands in the records.
    """

    def __init__(self, error: JsonObject) -> None:
        super().__init__(str(error.get("message")))
        self.error = error


class Journal(Protocol):
    """Keeps the records; knows what was recorded before."""

    def attempts(self, path: str) -> Sequence[Record]:
        """What is recorded for the path, by attempt; empty when nothing is."""

    def next_position(self) -> int:
        """The next place in the order.

        Raises:
            PermanentFailure: the execution has too many step records.
        """

    def begin(self, record: Record) -> None:
        """A step starts."""

    def intend(self, record: Record) -> None:
        """A `write` step starts: commit all before it, and the intent."""

    def end(self, record: Record) -> None:
        """A step ended (or parked)."""

    def must_redo(self, record: Record) -> bool:
        """Whether a settled `page` step has to be done again on a restored page."""

    def may_be_past(self, record: Record) -> bool:
        """Whether the page that is restored is one from after that step."""


class Performer(Protocol):
    """Does what is not pure: conditions of time, steps, pauses, threads.

    Attributes:
        branches_overdue: the branches that are being stopped ran out of the
            execution's time.
    """

    branches_overdue: bool

    def now(self) -> datetime:
        """The wall clock (aware UTC)."""

    def prepare(
        self, node: Node, strand: Strand, scope: Scope, *, deadline: float | None
    ) -> Any:
        """Render and validate the params; gives a `Prepared`.

        Raises:
            RpaError: they do not fit.
            Interrupted: it was stopped from outside.
        """

    def evaluate(self, value: Value, scope: Scope, *, deadline: float | None) -> Json:
        """The value now.

        Raises:
            ExpressionError: it has none.
            Interrupted: it was stopped from outside.
        """

    def perform(
        self,
        prepared: Any,
        record: Record,
        strand: Strand,
        *,
        deadline: float | None,
        resumed: Resumption | None,
    ) -> Result:
        """Run the attempt.

        Raises:
            RpaError, Exception: the attempt failed.
            Park: it waits.
            Interrupted: it was stopped from outside.
        """

    def pause(self, duration: timedelta, deadline: float | None) -> None:
        """Wait a short while.

        Raises:
            Interrupted: it was stopped from outside, or the deadline has come.
        """

    def is_execution_overdue(self) -> bool:
        """Whether an interrupt came since the execution's time is over."""

    def grant_handlers(self) -> None:
        """Give `on_failure` and `finally` some time after the time limit, once."""

    def leave_thread(self) -> None:
        """A branch's thread ends: let go of what belongs to it."""

    def monotonic(self) -> float:
        """The clock that deadlines are measured by, in seconds."""

    def encode(self, output: Json) -> tuple[Json, str]:
        """An output as later steps see it and as it is stored.

        Raises:
            PermanentFailure: too large, or no JSON.
        """

    def describe(self, failure: BaseException, path: str) -> JsonObject:
        """The failure as `{code, kind, message, path, …}`."""


class Prepared(Protocol):
    """A step whose params are ready."""

    effect: str
    is_keyed: bool
    node: Node
