"""Where the walk is, and how it can end."""

from dataclasses import dataclass, replace

from apps.core.expressions import Scope
from apps.core.types import JsonObject
from apps.executions.engine.strand import Strand


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the walk is: below which loops, with which names, until when."""

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
        return replace(self, deadline=deadline, deadline_path=path)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended: status, reason for people, error if it failed."""

    status: str
    reason: str = ""
    error: JsonObject | None = None
