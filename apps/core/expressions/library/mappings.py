"""Functions and filters over mappings."""

from apps.core.expressions.library import expect
from apps.core.expressions.operators import check_list_length
from apps.core.expressions.registry import as_filter, function
from apps.core.expressions.values import Value


@function("keys")
@as_filter("keys")
def keys(value: Value) -> list[str]:
    """The keys of a mapping as a list."""
    return list(expect.mapping(value, "keys"))


@function("values")
@as_filter("values")
def values(value: Value) -> list[Value]:
    """The values of a mapping as a list."""
    return list(expect.mapping(value, "values").values())


@function("items")
@as_filter("items", "dict2items")
def items(value: Value) -> list[dict[str, Value]]:
    """The entries of a mapping as a list of {key, value}."""
    found = expect.mapping(value, "items")
    return [{"key": key, "value": each} for key, each in found.items()]


@function("dict")
@as_filter("dict", "items2dict")
def from_items(value: Value) -> dict[str, Value]:
    """A mapping from a list of {key, value} or [key, value]."""
    found: dict[str, Value] = {}
    for item in expect.items(value, "dict"):
        if isinstance(item, list) and len(item) == 2:
            found[expect.text(item[0], "dict: a key")] = item[1]
            continue
        entry = expect.mapping(item, "dict")
        found[expect.text(entry.get("key"), "dict: a key")] = entry.get("value")
    return found


@function("merge")
@as_filter("combine", "merge")
def merge(value: Value, *others: Value) -> dict[str, Value]:
    """One mapping with the entries of all; later ones win."""
    found = dict(expect.mapping(value, "merge"))
    for other in others:
        found.update(expect.mapping(other, "merge"))
        check_list_length(len(found))
    return found


@as_filter("pick")
def pick_keys(value: Value, *names: Value) -> dict[str, Value]:
    """The mapping with the named keys only, as far as it has them."""
    found = expect.mapping(value, "pick")
    return {name: found[name] for name in _names(names, "pick") if name in found}


@as_filter("omit")
def omit_keys(value: Value, *names: Value) -> dict[str, Value]:
    """The mapping without the named keys."""
    unwanted = set(_names(names, "omit"))
    found = expect.mapping(value, "omit")
    return {key: each for key, each in found.items() if key not in unwanted}


def _names(names: tuple[Value, ...], who: str) -> list[str]:
    listed = names[0] if len(names) == 1 and isinstance(names[0], list) else names
    return [expect.text(name, who) for name in listed]
