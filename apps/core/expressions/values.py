"""The values of expressions: plain JSON, its names, texts and sizes."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.types import Json

# JSON or, on its way to a lookup, a mapping that gives its values one by one.
Value = Any

PLAIN = frozenset({type(None), bool, int, float, str, list, dict})
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}


def kind(value: Value) -> str:
    """What people call this kind of value."""
    known = _KINDS.get(value.__class__)
    if known is not None:
        return known
    return "a mapping" if isinstance(value, Mapping) else "a value that is not JSON"


def truth(value: Value) -> bool:
    """Whether a condition holds: null, false, 0 and what is empty do not."""
    if value.__class__ in PLAIN or isinstance(value, list | dict):
        return bool(value)
    raise ExpressionError(f"{kind(value)} is neither true nor false")


def plain(value: Value, label: str) -> Json:
    """`value`, now known to be JSON at its top.

    Raises:
        ExpressionError: it is a mapping that only gives single values, or no JSON.
    """
    if value.__class__ in PLAIN or isinstance(value, list | dict):
        return value
    if isinstance(value, Mapping):
        raise ExpressionError(f"{label} can only be used one by one: {label}.NAME")
    raise ExpressionError(f"{label} is {kind(value)}")


def text_of(value: Value) -> str:
    """`value` as it stands inside a text: null is empty, lists are compact JSON."""
    cls = value.__class__
    if cls is str:
        return value  # type: ignore[no-any-return]  # the class was compared
    if value is None:
        return ""
    if cls is bool:
        return "true" if value else "false"
    if cls is int:
        return integer_text(value)
    return to_json(value)


def integer_text(value: int) -> str:
    """The digits of an integer of any size that we take."""
    if value.bit_length() > 4 * limits.MAX_INTEGER_BITS:
        raise ExpressionError("the number has too many digits to be written")
    return str(value)


def to_json(value: Value, indent: int | None = None) -> str:
    """`value` as JSON text of at most 1 MiB.

    Raises:
        ExpressionError: too large, too deep, or not JSON.
    """
    check_size(value, max_bytes=limits.MAX_TEXT, pad=indent or 0)
    separators = (",", ": ") if indent else (",", ":")
    return json.dumps(
        value, ensure_ascii=False, indent=indent or None, separators=separators
    )


def check_size(
    value: Value, *, max_bytes: int = limits.MAX_VALUE_BYTES, pad: int = 0
) -> None:
    """Refuse what is no JSON, or whose JSON text would be larger than `max_bytes`.

    Lists may share parts, so a small value in memory can be a huge one as JSON:
    this counts what would be written and stops as soon as it is too much.

    Args:
        pad: blanks that each level of indentation adds before each value.
    """
    size = nodes = 0
    stack: list[Iterator[Value]] = [iter((value,))]
    while stack:
        padding = pad * len(stack) + 3
        for item in stack[-1]:
            nodes += 1
            size += padding
            if item.__class__ is str:
                size += len(item)
            elif item.__class__ is not list:
                size += _own_size(item)
            if size > max_bytes or nodes > limits.MAX_NODES:
                raise ExpressionError(
                    f"the value is too large (at most {max_bytes // 1024} KiB"
                    f" and {limits.MAX_NODES} parts)"
                )
            if isinstance(item, list | dict):
                if len(stack) > limits.MAX_DEPTH:
                    raise ExpressionError("the value is nested too deeply")
                stack.append(iter(item if isinstance(item, list) else item.values()))
                break
        else:
            stack.pop()


def _own_size(item: Value) -> int:
    cls = item.__class__
    if cls is int:
        return item.bit_length() // 3  # type: ignore[no-any-return]  # an int
    if cls is float:
        if not math.isfinite(item):
            raise ExpressionError("the value holds a number that is not finite")
        return 20
    if isinstance(item, dict):
        return sum(map(_key_size, item))
    if item is None or cls is bool or isinstance(item, list):
        return 5
    if isinstance(item, Mapping):
        raise ExpressionError(
            "the value holds a mapping whose entries can only be used one by one"
        )
    raise ExpressionError(f"the value holds {kind(item)}")


def _key_size(key: Value) -> int:
    if key.__class__ is not str:
        raise ExpressionError("the value holds a mapping with a key that is no text")
    return len(key) + 4


def count_nodes(value: Value, limit: int) -> int:
    """Values inside `value` with itself; stops counting above `limit`."""
    nodes = 0
    stack: list[Iterator[Value]] = [iter((value,))]
    while stack:
        for item in stack[-1]:
            nodes += 1
            if nodes > limit:
                return nodes
            inner = _children(item)
            if inner is not None:
                stack.append(iter(inner))
                break
        else:
            stack.pop()
    return nodes


def weight(value: Value) -> int:
    """Roughly the bytes of memory that a newly built value holds."""
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        total += 64 + (len(item) if item.__class__ is str else 0)
        stack.extend(_children(item) or ())
    return total


def _children(item: Value) -> Iterable[Value] | None:
    if isinstance(item, list):
        return item
    return item.values() if isinstance(item, dict) else None
