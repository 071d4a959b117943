"""Filling in the ids of steps that have none."""

import re

from apps.core.paths import Path
from apps.core.types import Json, JsonObject
from apps.workflows.definition.outline import ROOTS, body_places, find_steps, value_at
from apps.workflows.definition.shape import MOST_BLOCK_LEVELS

LONGEST_ID = 64


def normalize(document: Json) -> Json:
    """The document with an id in every step, and nothing else changed.

    The same document always gets the same ids, and one that has them all comes
    back equal: `extract_data`, then `extract_data_2`, after the step's type.
    """
    if not isinstance(document, dict):
        return document
    return _Filler(document).fill()


class _Filler:
    def __init__(self, document: JsonObject) -> None:
        self.document = document
        self.taken = {
            step.raw["id"]
            for step in find_steps(document)
            if isinstance(step.raw.get("id"), str)
        }
        self.next_number: dict[str, int] = {}

    def fill(self) -> JsonObject:
        filled = dict(self.document)
        for root in ROOTS:
            if isinstance(filled.get(root), list):
                filled[root] = self._steps(filled[root], MOST_BLOCK_LEVELS + 1)
        return filled

    def _steps(self, steps: list[Json], levels: int) -> list[Json]:
        if not levels:
            return steps
        return [self._step(s, levels) if isinstance(s, dict) else s for s in steps]

    def _step(self, raw: JsonObject, levels: int) -> JsonObject:
        if "id" not in raw:
            raw = {"id": self._make_id(raw.get("type")), **raw}
        for body in body_places(raw):
            steps = self._steps(value_at(raw, body), levels - 1)
            raw = _replaced(raw, body, steps)
        return raw

    def _make_id(self, type_: Json) -> str:
        text = type_ if isinstance(type_, str) else ""
        base = re.sub(r"[^a-z0-9_]+", "_", text[:200].lower()).strip("_") or "step"
        base = base[: LONGEST_ID - 8]
        number = self.next_number.get(base, 1)
        while (made := base if number == 1 else f"{base}_{number}") in self.taken:
            number += 1
        self.next_number[base] = number + 1
        self.taken.add(made)
        return made


def _replaced(value: Json, path: Path, new: Json) -> Json:
    """A copy of `value` that has `new` at `path`; only what leads there is copied."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy
