"""Which records of an ended execution a retry may start with: pure decisions.

Everything recorded before the point of the retry is kept. What ran side by side
with that point, in other branches of a `parallel` block, is kept too, whenever it
was recorded: it is finished, and must not be done twice.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apps.steps.base import Steps
from apps.workflows.definition.model import Definition, Node

# `try~2.` is the second attempt of a block, `rows[17]` an iteration of a loop.
_ATTEMPT = re.compile(r"(?<![a-z0-9_])[a-z0-9_]+~\d+\.")
_ITERATION = re.compile(r"(~\d+)?\[\d+\]")

_HANDLERS = ("on_failure", "finally")
_ENDED = frozenset({"completed", "skipped", "failed", "unknown"})


@dataclass(frozen=True, slots=True)
class Row:
    """The last attempt of a path, as far as it matters here.

    Attributes:
        has_failed: it ended with an error.
        is_settled: it will not be tried again.
        is_signal: it sent the flow elsewhere, as `stop` does.
    """

    path: str
    attempt: int
    position: int
    status: str
    has_failed: bool
    is_settled: bool
    is_signal: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands in a definition.

    Attributes:
        around: the blocks around it, outermost first, each with the number of the
            body that holds the step.
    """

    node: Node
    around: tuple[tuple[Node, int], ...]

    @property
    def identity(self) -> tuple[str, str, str]:
        """What has to be the same for it to be the same step of another version."""
        return self.node.place, self.node.id, self.node.type


@dataclass(frozen=True, slots=True)
class Around:
    """One block around a recorded path: which run of it, which of its bodies."""

    node: Node
    path: str
    inside: str
    attempt: int
    body: int


class Outline:
    """The steps of a definition by the paths under which they are recorded."""

    def __init__(self, definition: Definition) -> None:
        self._places: dict[str, Place] = {}
        for steps in (definition.steps, definition.on_failure, definition.finally_):
            self._collect(steps, "", ())

    def _collect(
        self, steps: Steps, prefix: str, around: tuple[tuple[Node, int], ...]
    ) -> None:
        for node in steps.nodes:
            self._places[prefix + node.id] = Place(node, around)
            if node.body is None:
                continue
            inner = f"{prefix}{node.id}." if _is(node, "is_loop") else prefix
            for number, (_, body) in enumerate(node.body.bodies()):
                self._collect(body, inner, (*around, (node, number)))

    def place(self, path: str) -> Place | None:
        """The step that is recorded under `path`, None when there is none."""
        return self._places.get(_ITERATION.sub("", _ATTEMPT.sub("", path)))

    @property
    def types(self) -> set[str]:
        """The types of all steps."""
        return {place.node.type for place in self._places.values()}

    def is_block(self, path: str) -> bool:
        """Whether the step has others inside."""
        place = self.place(path)
        return place is not None and place.node.body is not None

    def is_handler(self, path: str) -> bool:
        """Whether the step belongs to `on_failure` or `finally` of the workflow."""
        place = self.place(path)
        return place is not None and place.node.place.startswith(_HANDLERS)

    def around(self, path: str) -> Iterator[Around]:
        """The runs of blocks around a recorded path, outermost first."""
        place = self.place(path)
        prefix, parts = "", path.split(".")
        for node, body in place.around if place else ():
            block, attempt = prefix + node.id, 1
            if _is(node, "is_loop") or parts[0].startswith(f"{node.id}~"):
                part = parts.pop(0)
                prefix += f"{part}."
                attempt = _attempt_of(part)
            yield Around(node, block, prefix, attempt, body)

    def alike(self, other: "Outline") -> set[tuple[str, str, str]]:
        """The steps up to the first one that the other definition has elsewhere."""
        same = set()
        for mine, theirs in zip(
            self._places.values(), other._places.values(), strict=False
        ):
            if mine.identity != theirs.identity:
                break
            same.add(mine.identity)
        return same


def _is(node: Node, quality: str) -> bool:
    return bool(getattr(node.kind, quality, False))


def _attempt_of(part: str) -> int:
    found = re.search(r"~(\d+)", part)
    return int(found[1]) if found else 1


@dataclass(frozen=True, slots=True)
class _Beside:
    """Paths in other branches, and those of them that are kept."""

    paths: set[str]
    kept: set[str]


class Recorded:
    """The records of one execution, read with its definition beside them."""

    def __init__(self, rows: Iterable[Row], outline: Outline) -> None:
        self.rows: Mapping[str, Row] = {row.path: row for row in rows}
        self.outline = outline

    def is_redone(self, row: Row) -> bool:
        """Whether it is a block that had not ended: it goes on with what is kept."""
        is_open = row.status not in ("completed", "skipped")
        return is_open and self.outline.is_block(row.path)

    def first_failure(self) -> str | None:
        """The first step whose failure nothing in the workflow took care of."""
        failed = [row for row in self._in_order() if self._is_uncaught(row, 0)]
        return failed[0].path if failed else None

    def last_signal(self) -> str | None:
        """The step that sent the flow elsewhere last: one that stopped it all."""
        signals = [row for row in self._in_order() if row.is_signal]
        return signals[-1].path if signals else None

    def before(self, path: str | None) -> list[Row]:
        """What is kept for a retry from `path`, in order; None: from its end."""
        return [row for row in self._wanted(path) if self._is_kept(row)]

    def _is_kept(self, row: Row) -> bool:
        is_ended = row.is_settled and row.status in _ENDED
        return is_ended or self.outline.is_block(row.path)

    def _wanted(self, path: str | None) -> list[Row]:
        rows = self._in_order()
        if path is None:
            return [row for row in rows if not self.outline.is_handler(row.path)]
        cut = self.rows[path].position
        beside = self._beside(path)
        return [
            row
            for row in rows
            if (row.path in beside.kept)
            or (row.position < cut and row.path not in beside.paths)
        ]

    def _in_order(self) -> list[Row]:
        return sorted(self.rows.values(), key=lambda row: row.position)

    def _beside(self, path: str) -> "_Beside":
        """What ran in other branches of the `parallel` blocks around `path`."""
        own = {
            (block.path, block.inside): (depth, block.body)
            for depth, block in enumerate(self.outline.around(path))
            if _is(block.node, "is_parallel")
        }
        branches: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for row in self.rows.values() if own else ():
            for block in self.outline.around(row.path):
                depth, body = own.get((block.path, block.inside), (0, block.body))
                if body != block.body:
                    branches[depth, block.body].append(row)
                    break
        found = _Beside(set(), set())
        for (depth, _), rows in branches.items():
            found.paths.update(row.path for row in rows)
            found.kept.update(self._until_failure(rows, depth + 1))
        return found

    def _until_failure(self, rows: Sequence[Row], depth: int) -> set[str]:
        failed = [row.position for row in rows if self._is_uncaught(row, depth)]
        end = min(failed, default=None)
        return {row.path for row in rows if end is None or row.position < end}

    def _is_uncaught(self, row: Row, depth: int) -> bool:
        """Whether a step failed, and every block around it from `depth` on with it."""
        place = self.outline.place(row.path)
        if place is None or not row.has_failed or place.node.body is not None:
            return False
        blocks = list(self.outline.around(row.path))[depth:]
        return place.node.on_error == "fail" and not any(map(self._survived, blocks))

    def _survived(self, block: Around) -> bool:
        row = self.rows.get(block.path)
        if row is None:
            return False
        return (
            row.status == "completed"
            or row.attempt > block.attempt
            or block.node.on_error != "fail"
        )


def same_until(rows: Sequence[Row], old: Outline, new: Outline) -> list[Row]:
    """The rows, in order, up to the first that the new version has elsewhere."""
    alike = old.alike(new)
    kept = []
    for row in rows:
        place = old.place(row.path)
        if place is None or place.identity not in alike:
            break
        kept.append(row)
    return kept
