"""What any document must be before it is looked at closely.

The walk keeps its own stack, so that no depth of nesting can exhaust Python's.
"""

import math

from apps.core.paths import Path
from apps.core.types import Json
from apps.workflows.definition.problems import Problems

MOST_BLOCK_LEVELS = 50
# A block level takes up to four levels of JSON (`cases`, one case, `steps`, a step).
MOST_JSON_LEVELS = 4 * MOST_BLOCK_LEVELS + 60
MOST_PARAM_LEVELS = 50
MOST_CHARACTERS = 4 * 1024 * 1024
_LARGEST_INTEGER = 10**308


def check_json(value: Json, problems: Problems, *, at: Path = ()) -> bool:
    """Note what PostgreSQL or JSON could not keep, and what is too deep or large.

    Returns: whether the value may be looked at further.
    """
    before, characters = len(problems.errors), 0
    stack: list[tuple[Path, Json]] = [(at, value)]
    while stack:
        path, item = stack.pop()
        if len(path) - len(at) > MOST_JSON_LEVELS:
            problems.add(path[:8], _TOO_DEEP)
            return False
        if isinstance(item, dict):
            characters += sum(len(str(key)) for key in item)
            stack.extend(
                ((*path, str(key)), child)
                for key, child in reversed(item.items())
                if _check_key(key, path, problems)
            )
        elif isinstance(item, list):
            stack.extend(
                ((*path, index), item[index]) for index in reversed(range(len(item)))
            )
        else:
            characters += len(item) if isinstance(item, str) else 8
            _check_leaf(item, path, problems)
        if characters > MOST_CHARACTERS:
            problems.add(at, f"is longer than {MOST_CHARACTERS // 2**20} MiB")
            return False
    return len(problems.errors) == before


_TOO_DEEP = f"is nested too deep: blocks may be nested {MOST_BLOCK_LEVELS} levels deep"


def depth_exceeds(value: Json, limit: int) -> bool:
    """Whether lists and objects in `value` are nested more than `limit` deep."""
    level = [value]
    for _ in range(limit + 1):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(item: Json) -> list[Json]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _check_key(key: object, path: Path, problems: Problems) -> bool:
    if not isinstance(key, str):
        problems.add(path, f"has the key {key!r}; keys must be texts, in quotes")
        return False
    _check_leaf(key, path, problems)
    return True


def _check_leaf(item: Json, path: Path, problems: Problems) -> None:
    if isinstance(item, str):
        if "\x00" in item:
            problems.add(path, "holds a NUL character")
        elif not item.isascii() and not _is_encodable(item):
            problems.add(path, "holds half of a surrogate pair")
    elif isinstance(item, float):
        if not math.isfinite(item):
            problems.add(path, "must be a finite number")
    elif isinstance(item, int):
        if abs(item) > _LARGEST_INTEGER:
            problems.add(path, "is too large a number")
    elif item is not None:
        problems.add(path, f"must be JSON, not {type(item).__name__}")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
