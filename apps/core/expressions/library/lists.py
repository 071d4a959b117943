"""Functions and filters over lists."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.lookups import MISSING, find
from apps.core.expressions.operators import add, check_list_length, is_number
from apps.core.expressions.registry import as_filter, function
from apps.core.expressions.values import Value, kind, to_json


@lru_cache(512)
def _keys(attribute: str) -> tuple[str | int, ...]:
    return tuple(
        int(part) if part.isdecimal() else part for part in attribute.split(".")
    )


def pick(item: Value, attribute: Value, who: str, default: Value = MISSING) -> Value:
    """What stands in `item` at a key or dotted path.

    Raises:
        ExpressionError: nothing stands there and there is no default.
    """
    name = expect.text(attribute, f"{who}: attribute", most=200)
    value = item
    for key in _keys(name):
        value = find(value, key)
    if value is MISSING and default is MISSING:
        raise ExpressionError(f"{who}: an item ({kind(item)}) has no {name}")
    return default if value is MISSING else value


@function("len")
@as_filter("length", "count", "len")
def length(value: Value) -> int:
    """How many characters, items or keys a text, list or mapping has."""
    if value.__class__ is str or isinstance(value, list | dict):
        return len(value)
    raise ExpressionError(f"length needs a text, list or mapping, not {kind(value)}")


@as_filter("first")
def first(value: Value) -> Value:
    """The first item of a list or character of a text, null when it is empty."""
    return _sequence(value, "first")[0] if value else None


@as_filter("last")
def last(value: Value) -> Value:
    """The last item of a list or character of a text, null when it is empty."""
    return _sequence(value, "last")[-1] if value else None


@as_filter("reverse")
def reverse(value: Value) -> Value:
    """The list or text the other way round."""
    return _sequence(value, "reverse")[::-1]


@as_filter("sort")
def sort(
    value: Value,
    attribute: Value = None,
    reverse: Value = False,
    case_sensitive: Value = False,
) -> list[Value]:
    """The list in order, by a key of its items if given; nulls stand last."""
    found = expect.items(value, "sort")
    keys = [_own_key(item, attribute, "sort") for item in found]
    known = [index for index, key in enumerate(keys) if key is not None]
    nulls = [index for index, key in enumerate(keys) if key is None]
    order = _comparable([keys[index] for index in known], "sort", case_sensitive)
    ranked = dict(zip(known, order, strict=True))
    known.sort(key=ranked.__getitem__, reverse=reverse is True)
    return [found[index] for index in known + nulls]


@as_filter("unique")
def unique(value: Value, attribute: Value = None) -> list[Value]:
    """The list without items (or keys of items) that came before."""
    found: dict[str, Value] = {}
    for item in expect.items(value, "unique"):
        found.setdefault(_identity(_own_key(item, attribute, "unique")), item)
    return list(found.values())


@as_filter("union")
def union(value: Value, other: Value) -> list[Value]:
    """All items of two lists, each once."""
    return unique(expect.items(value, "union") + expect.items(other, "union"))


@as_filter("intersect")
def intersect(value: Value, other: Value) -> list[Value]:
    """The items that both lists have, each once."""
    known = {_identity(item) for item in expect.items(other, "intersect")}
    return [item for item in unique(value) if _identity(item) in known]


@as_filter("difference")
def difference(value: Value, other: Value) -> list[Value]:
    """The items of a list that another one has not, each once."""
    known = {_identity(item) for item in expect.items(other, "difference")}
    return [item for item in unique(value) if _identity(item) not in known]


@as_filter("map")
def map_attribute(
    value: Value, attribute: Value, default: Value = MISSING
) -> list[Value]:
    """One key (or dotted path) of each item; default stands for what is missing."""
    found = expect.items(value, "map")
    return [pick(item, attribute, "map", default) for item in found]


@as_filter("sum")
@function("sum")
def total(value: Value, attribute: Value = None, start: Value = 0) -> Value:
    """The sum of the numbers in a list, or of one key of its items."""
    result = expect.number(start, "sum")
    for item in expect.items(value, "sum"):
        result = add(result, expect.number(_own_key(item, attribute, "sum"), "sum"))
    return result


@as_filter("min")
def minimum(value: Value, attribute: Value = None) -> Value:
    """The smallest item of a list, by a key if given; null when it is empty."""
    return _extreme(min, value, attribute, "min")


@as_filter("max")
def maximum(value: Value, attribute: Value = None) -> Value:
    """The largest item of a list, by a key if given; null when it is empty."""
    return _extreme(max, value, attribute, "max")


@function("min")
def min_of(*values: Value) -> Value:
    """The smallest of the values, or of the items of one list."""
    return _extreme(min, _listed(values), None, "min")


@function("max")
def max_of(*values: Value) -> Value:
    """The largest of the values, or of the items of one list."""
    return _extreme(max, _listed(values), None, "max")


@as_filter("flatten")
def flatten(value: Value, levels: Value = None) -> list[Value]:
    """The list with the items of lists inside it; `levels` deep, or all."""
    deep = limits.MAX_NESTING if levels is None else levels
    left = expect.integer(deep, "levels", 0, limits.MAX_NESTING)
    found = expect.items(value, "flatten")
    while left and any(isinstance(item, list) for item in found):
        check_list_length(
            sum(len(item) if isinstance(item, list) else 1 for item in found)
        )
        found = [each for item in found for each in _as_list(item)]
        left -= 1
    return found


@as_filter("batch")
def batch(value: Value, size: Value, fill: Value = MISSING) -> list[list[Value]]:
    """The list cut into lists of `size` items; `fill` fills up the last one."""
    found = expect.items(value, "batch")
    step = expect.integer(size, "size", 1, limits.MAX_ITEMS)
    parts = [found[at : at + step] for at in range(0, len(found), step)]
    if parts and fill is not MISSING:
        parts[-1] = parts[-1] + [fill] * (step - len(parts[-1]))
    return parts


@as_filter("slice")
def cut(value: Value, parts: Value) -> list[list[Value]]:
    """The list cut into that many lists of nearly the same length."""
    found = expect.items(value, "slice")
    count = expect.integer(parts, "parts", 1, limits.MAX_ITEMS)
    size, more = divmod(len(found), count)
    ends = [index * size + min(index, more) for index in range(count + 1)]
    return [found[ends[index] : ends[index + 1]] for index in range(count)]


@function("zip")
def zipped(*lists: Value) -> list[list[Value]]:
    """Lists of the first items, the second items and so on, of several lists."""
    columns = [expect.items(each, "zip") for each in lists]
    shortest = min(map(len, columns), default=0)
    check_list_length(shortest * len(columns))
    return [list(row) for row in zip(*columns, strict=False)]


def _sequence(value: Value, who: str) -> Value:
    if value.__class__ is str or isinstance(value, list):
        return value
    raise ExpressionError(f"{who} needs a list or text, not {kind(value)}")


def _as_list(item: Value) -> list[Value]:
    return item if isinstance(item, list) else [item]


def _listed(values: tuple[Value, ...]) -> list[Value]:
    if len(values) == 1 and isinstance(values[0], list):
        return values[0]
    return list(values)


def _own_key(item: Value, attribute: Value, who: str) -> Value:
    return item if attribute is None else pick(item, attribute, who)


def _identity(value: Value) -> str:
    """A text that is the same for the same JSON: 1 and 1.0 are, 1 and true are not."""
    if value.__class__ is float and value.is_integer():
        value = int(value)
    return "s" + value if value.__class__ is str else to_json(value)


def _comparable(keys: Iterable[Value], who: str, exact: Value) -> list[Value]:
    found = list(keys)
    if all(is_number(key) for key in found):
        return found
    if all(key.__class__ is str for key in found):
        return found if exact is True else [key.lower() for key in found]
    kinds = sorted({kind(key) for key in found})
    raise ExpressionError(
        f"{who} needs numbers only or texts only, not {', '.join(kinds)}"
    )


def _extreme(
    choose: Callable[..., Value], value: Value, attribute: Value, who: str
) -> Value:
    found = expect.items(value, who)
    if not found:
        return None
    keys = _comparable((_own_key(item, attribute, who) for item in found), who, True)
    return found[choose(range(len(found)), key=keys.__getitem__)]
