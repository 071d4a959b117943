"""Where the steps of a document stand, without checking what they say.

Works on valid and invalid documents alike: what is no step is passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from apps.core.paths import Path
from apps.core.types import Json, JsonObject
from apps.steps import registry
from apps.steps.base import BlockType, Body, Steps
from apps.workflows.definition.shape import MOST_BLOCK_LEVELS

ROOTS = ("steps", "on_failure", "finally")
# The keys that every step may have; a block has its own ones beside them.
STEP_KEYS = (
    *("id", "type", "name", "params", "if", "retry", "timeout", "mock"),
    *("on_error", "on_crash", "save_as", "disabled"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One step.

    Attributes:
        path: its place in the document.
        raw: the step as it stands there.
        owner: id of the block around it; empty at the top.
        bodies: places of the lists of steps inside it, from the step on.
    """

    path: Path
    raw: JsonObject
    owner: str
    bodies: tuple[Path, ...]


def body_keys(body_class: type[Body]) -> tuple[str, ...]:
    """The keys that a block has beside the common ones, as the document spells them."""
    fields = body_class.model_fields.items()
    return tuple(field.alias or name for name, field in fields)


def own_keys(raw: JsonObject, block: BlockType[Any]) -> JsonObject:
    """What of a block's keys belongs to its body."""
    claimed = set(body_keys(block.body_class))
    shared = set(STEP_KEYS) - claimed
    return {key: value for key, value in raw.items() if key not in shared}


def find_steps(document: Json) -> Iterator[Found]:
    """Every step of the document, in its order, blocks before what is inside them."""
    if isinstance(document, dict):
        for root in ROOTS:
            yield from _find_in(document.get(root), (root,), "", MOST_BLOCK_LEVELS + 1)


def value_at(value: Json, path: Path) -> Json:
    """What stands at `path` in `value`; None when nothing does."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _find_in(steps: Json, at: Path, owner: str, levels: int) -> Iterator[Found]:
    if not isinstance(steps, list) or not levels:
        return
    for index, raw in enumerate(steps):
        if isinstance(raw, dict):
            bodies = body_places(raw)
            yield Found((*at, index), raw, owner, bodies)
            for body in bodies:
                path = (*at, index, *body)
                inner = str(raw.get("id", ""))
                yield from _find_in(value_at(raw, body), path, inner, levels - 1)


def body_places(raw: JsonObject) -> tuple[Path, ...]:
    """Places of the lists of steps inside one step; none when it is no block."""
    type_ = raw.get("type")
    kind = registry.find(type_) if isinstance(type_, str) else None
    if not isinstance(kind, BlockType):
        return ()
    return tuple(_places(kind.body_class, raw, ()))


def _places(annotation: Any, raw: Json, at: Path) -> Iterator[Path]:
    # By the types of the body's fields and not by validating, so that one mistake
    # in a block does not hide those of the steps inside it.
    if annotation is Steps:
        if isinstance(raw, list):
            yield at
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if isinstance(raw, dict):
            for name, field in annotation.model_fields.items():
                key = field.alias or name
                yield from _places(field.annotation, raw.get(key), (*at, key))
    elif get_origin(annotation) in (list, tuple):
        for index, item in enumerate(raw if isinstance(raw, list) else ()):
            yield from _places(get_args(annotation)[0], item, (*at, index))
    else:
        for option in get_args(annotation):
            yield from _places(option, raw, at)
