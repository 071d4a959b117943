"""What the interpreter needs from the world around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from apps.core.expressions import Scope
from apps.core.types import Json, JsonObject
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.context import Resumption
from apps.steps.signals import FlowSignal
from apps.workflows.definition.model import Node


@dataclass(slots=True)
class Result:
    """What one attempt gave.

    Attributes:
        output: as later steps see it.
        output_json: as it is stored, secrets masked.
        state: a browser's checkpoint, if the step made one.
    """

    output: Json
    output_json: str
    variables: JsonObject = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    state: JsonObject | None = None


class BlockTimedOut(BaseException):
    """The time limit of a block around the step has passed.

    Attributes:
        path: the block's.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


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


class Performer(Protocol):
    """Does what is not pure: conditions of time, steps, pauses, threads."""

    def now(self) -> datetime:
        """The wall clock (aware UTC)."""

    def prepare(self, node: Node, strand: Strand, scope: Scope) -> Any:
        """Render and validate the params; gives a `Prepared`.

        Raises:
            RpaError: they do not fit.
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

    def pause(self, duration: timedelta) -> None:
        """Wait a short while; may be interrupted."""

    def is_execution_overdue(self) -> bool:
        """Whether an interrupt came since the execution's time is over."""

    def grant_handlers(self) -> None:
        """Give `on_failure` and `finally` some time after the time limit."""

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


Names = Mapping[str, Json]
