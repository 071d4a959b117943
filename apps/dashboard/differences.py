"""The difference between two versions, to be read by people."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from apps.core.types import Json
from apps.workflows.definition.compare import Change, compare
from apps.workflows.definition.yaml_io import export
from apps.workflows.models import WorkflowVersion

MOST_LINES = 2_000
_WHOLE = "The workflow itself"


@dataclass(frozen=True, slots=True)
class Part:
    """What changed in one step.

    Attributes:
        title: the step's id; words for the document's own keys.
        changes: each with its path below the step.
    """

    title: str
    changes: list["Shown"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """One change."""

    kind: str
    path: str
    before: Json
    after: Json

    @property
    def has_before(self) -> bool:
        return self.kind != "added"

    @property
    def has_after(self) -> bool:
        return self.kind != "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions side by side.

    Attributes:
        lines: the same as text: a sign (`+`, `-`, ` ` or `@`) and the line.
    """

    before: WorkflowVersion
    after: WorkflowVersion
    parts: list[Part]
    lines: list[tuple[str, str]]


def difference(before: WorkflowVersion, after: WorkflowVersion) -> Difference:
    """What `after` does otherwise than `before`."""
    changes = compare(before.document, after.document)
    parts = [
        Part(step or _WHOLE, [_shown(one) for one in same])
        for step, same in groupby(changes, key=lambda one: one.step)
    ]
    return Difference(before, after, parts, list(_lines(before, after)))


def _shown(change: Change) -> Shown:
    return Shown(change.kind, change.path, change.before, change.after)


def _lines(
    before: WorkflowVersion, after: WorkflowVersion
) -> Iterator[tuple[str, str]]:
    old, new = (export(one.document, "yaml").splitlines() for one in (before, after))
    found = difflib.unified_diff(old, new, lineterm="", n=3)
    for number, line in enumerate(found):
        if number >= MOST_LINES:
            yield "@", f"more than {MOST_LINES} lines"
            return
        if number > 1:  # the first two name files, and there are none
            yield line[:1] or " ", line[1:]
