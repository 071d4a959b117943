"""Filters that keep or leave out items of lists by a test."""

from collections.abc import Iterable

from apps.core.expressions.errors import ExpressionError, did_you_mean, near_misses
from apps.core.expressions.library import expect
from apps.core.expressions.library.lists import pick
from apps.core.expressions.lookups import MISSING
from apps.core.expressions.operators import COMPARISONS, contains
from apps.core.expressions.registry import TESTS, as_filter
from apps.core.expressions.values import Value, truth

_ALIASES = {
    "==": "eq", "equalto": "eq", "!=": "ne", "<": "lt", "le": "lteq", "<=": "lteq",
    ">": "gt", "ge": "gteq", ">=": "gteq", "not in": "notin",
}  # fmt: skip


@as_filter("select")
def select(value: Value, test: Value = None, other: Value = MISSING) -> list[Value]:
    """The items that pass a test, e.g. select('odd') or select('gt', 10)."""
    found = expect.items(value, "select")
    return [item for item in found if _passes(item, test, other)]


@as_filter("reject")
def reject(value: Value, test: Value = None, other: Value = MISSING) -> list[Value]:
    """The items that do not pass a test."""
    found = expect.items(value, "reject")
    return [item for item in found if not _passes(item, test, other)]


@as_filter("selectattr", "where")
def select_attribute(
    value: Value, attribute: Value, test: Value = None, other: Value = MISSING
) -> list[Value]:
    """The items whose key passes a test, e.g. selectattr('total', 'gt', 100)."""
    return list(_by_attribute(value, attribute, test, other, wanted=True))


@as_filter("rejectattr")
def reject_attribute(
    value: Value, attribute: Value, test: Value = None, other: Value = MISSING
) -> list[Value]:
    """The items whose key does not pass a test."""
    return list(_by_attribute(value, attribute, test, other, wanted=False))


def _by_attribute(
    value: Value, attribute: Value, test: Value, other: Value, *, wanted: bool
) -> Iterable[Value]:
    for item in expect.items(value, "selectattr"):
        key = pick(item, attribute, "selectattr", None)
        if _passes(key, test, other) is wanted:
            yield item


def _passes(value: Value, test: Value, other: Value) -> bool:
    if test is None:
        return truth(value)
    name = expect.text(test, "the test", most=100)
    name = _ALIASES.get(name, name)
    if name in COMPARISONS or name == "contains":
        if other is MISSING:
            raise ExpressionError(f"the test {test} needs a value to compare with")
        if name == "contains":
            return contains(value, other)
        return COMPARISONS[name](value, other)
    if name == "defined":
        return value is not None
    if name not in TESTS or name == "undefined":
        known = (*COMPARISONS, *(entry.name for entry in TESTS.entries()))
        raise ExpressionError(
            f"there is no test {name}{did_you_mean(near_misses(name, known))}"
        )
    entry = TESTS.get(name, 0)
    entry.check_arguments(other is not MISSING, [], 1)
    return bool(entry.call(value) if other is MISSING else entry.call(value, other))
