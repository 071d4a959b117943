"""The difference between two documents, in words that a person can follow."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from apps.core.paths import Path, format_path
from apps.core.types import Json, JsonObject
from apps.workflows.definition.ids import normalize
from apps.workflows.definition.outline import ROOTS, Found, find_steps

Kind = Literal["added", "removed", "changed", "moved"]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: place in the newer document; in the older one for what was removed.
        step: id of the step it is in; empty for the document's own keys.
        before, after: the values; for `moved` the old and the new place.
    """

    path: str
    kind: Kind
    before: Json
    after: Json
    step: str = ""


def compare(before: JsonObject, after: JsonObject) -> list[Change]:
    """What was added, removed, changed and moved, steps being matched by their ids."""
    before, after = normalize(before), normalize(after)
    return [*_document_changes(before, after), *_step_changes(before, after)]


def _document_changes(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    yield from _differences(_without(before, ROOTS), _without(after, ROOTS), (), "")


def _step_changes(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    old = {str(found.raw["id"]): found for found in find_steps(before)}
    new = {str(found.raw["id"]): found for found in find_steps(after)}
    for name, found in old.items():
        if name not in new:
            own = _own(found)
            yield Change(format_path(found.path), "removed", own, None, name)
    moved = _moved(old, new)
    for name, found in new.items():
        if name not in old:
            yield Change(format_path(found.path), "added", None, _own(found), name)
            continue
        if name in moved:
            was, now = format_path(old[name].path), format_path(found.path)
            yield Change(now, "moved", was, now, name)
        yield from _differences(_own(old[name]), _own(found), found.path, name)


def _own(found: Found) -> JsonObject:
    """The step without the steps inside it: those are compared on their own."""
    own = found.raw
    for body in found.bodies:
        own = _emptied(own, body)
    return own


def _emptied(value: Json, path: Path) -> Json:
    copy = value.copy()
    if len(path) > 1:
        copy[path[0]] = _emptied(value[path[0]], path[1:])
    elif isinstance(copy, dict):
        del copy[path[0]]
    else:
        copy[path[0]] = []
    return copy


def _moved(old: dict[str, Found], new: dict[str, Found]) -> set[str]:
    """Steps with another list around them, or another order within it.

    Of those that changed places, as few as possible count as moved.
    """
    was, now = _lists(old), _lists(new)
    moved = {n for n in old.keys() & new.keys() if was[n] != now[n]}
    first, second = _by_list(was, moved, new), _by_list(now, moved, old)
    for around, names in second.items():
        if names != first[around]:
            kept = set(_in_order(first[around], names))
            moved.update(name for name in names if name not in kept)
    return moved


def _by_list(
    lists: dict[str, str], moved: set[str], other: Collection[str]
) -> dict[str, list[str]]:
    """Names by the list they stand in, in order, of steps that are in both."""
    grouped: dict[str, list[str]] = {}
    for name, around in lists.items():
        if name in other and name not in moved:
            grouped.setdefault(around, []).append(name)
    return grouped


def _in_order(first: list[str], second: list[str]) -> Iterator[str]:
    """Names whose order among each other is the same in both lists."""
    matcher = SequenceMatcher(a=first, b=second, autojunk=False)
    for start, _, size in matcher.get_matching_blocks():
        yield from first[start : start + size]


def _lists(steps: dict[str, Found]) -> dict[str, str]:
    """For each step the list it stands in, named so that it bears changes around it."""
    names = {}
    for name, found in steps.items():
        body = found.path[:-1]
        if found.owner in steps:
            body = body[len(steps[found.owner].path) :]
        names[name] = f"{found.owner}:{format_path(body)}"
    return names


def _differences(before: Json, after: Json, at: Path, step: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            old, new = before.get(key, _MISSING), after.get(key, _MISSING)
            yield from _differences(old, new, (*at, key), step)
    elif before is _MISSING:
        yield Change(format_path(at), "added", None, after, step)
    elif after is _MISSING:
        yield Change(format_path(at), "removed", before, None, step)
    elif not _same(before, after):
        yield Change(format_path(at), "changed", before, after, step)


def _same(before: Json, after: Json) -> bool:
    # True equals 1 in Python, and 1.0 equals 1; in a document they differ.
    if type(before) is not type(after):
        return False
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict):
        if before.keys() != after.keys():
            return False
        return all(_same(before[key], after[key]) for key in before)
    return bool(before == after)


def _without(document: JsonObject, keys: tuple[str, ...]) -> JsonObject:
    return {key: value for key, value in document.items() if key not in keys}
