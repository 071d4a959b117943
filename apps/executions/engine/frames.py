"""Where a walk is, and how one ends."""

from dataclasses import dataclass

from apps.core.expressions import Scope
from apps.core.types import JsonObject
from apps.executions.engine.strand import Strand


@dataclass(slots=True)
class Frame:
    """Where the walk is: below which loops, with which names, until when.

    Attributes:
        prefix: of the paths of the steps in it.
        deadline: of a block around it (`time.monotonic()`), the earliest one.
        deadline_path: that block's.
    """

    strand: Strand
    scope: Scope
    prefix: str = ""
    deadline: float | None = None
    deadline_path: str = ""

    def within(self, seconds: float, now: float, path: str) -> "Frame":
        """The same with a deadline of a block's own, if that is earlier."""
        deadline = now + seconds
        if self.deadline is not None and self.deadline <= deadline:
            return self
        return Frame(self.strand, self.scope, self.prefix, deadline, path)

    def inside(self, scope: Scope, prefix: str) -> "Frame":
        """The same for a block's body: its names and the paths of its steps."""
        return Frame(self.strand, scope, prefix, self.deadline, self.deadline_path)


class BrowserLost(BaseException):
    """The browser died under the walk, which has to begin again from its records.

    No error of the step: the page is restored, and what was typed since it was loaded
    is typed again, as after the death of a worker.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended: status, reason for people, error if it failed."""

    status: str
    reason: str = ""
    error: JsonObject | None = None
