"""Tests: what may stand after `is` and `is not`."""

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.operators import contains, equal, is_number
from apps.core.expressions.registry import test
from apps.core.expressions.values import Value, kind


@test("defined")
def defined(value: Value) -> bool:
    """The name, key or index exists (its value may be null)."""
    return True


@test("undefined")
def undefined(value: Value) -> bool:
    """The name, key or index does not exist."""
    return False


@test("none", "null")
def none(value: Value) -> bool:
    """The value is null."""
    return value is None


@test("boolean")
def boolean(value: Value) -> bool:
    """The value is true or false."""
    return value.__class__ is bool


@test("true")
def true(value: Value) -> bool:
    """The value is true itself."""
    return value is True


@test("false")
def false(value: Value) -> bool:
    """The value is false itself."""
    return value is False


@test("number")
def number(value: Value) -> bool:
    """The value is a number."""
    return is_number(value)


@test("integer")
def integer(value: Value) -> bool:
    """The value is a number without decimals."""
    return value.__class__ is int


@test("float")
def decimal(value: Value) -> bool:
    """The value is a number with decimals."""
    return value.__class__ is float


@test("string", "text")
def string(value: Value) -> bool:
    """The value is a text."""
    return value.__class__ is str


@test("list", "sequence", "iterable")
def is_list(value: Value) -> bool:
    """The value is a list."""
    return isinstance(value, list)


@test("mapping", "dict")
def is_mapping(value: Value) -> bool:
    """The value is a mapping."""
    return isinstance(value, dict)


@test("empty")
def empty(value: Value) -> bool:
    """The value is null or a text, list or mapping without content."""
    if value is None:
        return True
    if value.__class__ is str or isinstance(value, list | dict):
        return not value
    raise ExpressionError(f"empty needs a text, list or mapping, not {kind(value)}")


@test("odd")
def odd(value: Value) -> bool:
    """The whole number is odd."""
    return _whole(value, "odd") % 2 == 1


@test("even")
def even(value: Value) -> bool:
    """The whole number is even."""
    return _whole(value, "even") % 2 == 0


@test("divisibleby")
def divisible_by(value: Value, other: Value) -> bool:
    """The whole number can be divided by another without remainder."""
    divisor = _whole(other, "divisibleby")
    if divisor == 0:
        raise ExpressionError("divisibleby: division by zero")
    return _whole(value, "divisibleby") % divisor == 0


@test("in")
def is_in(value: Value, container: Value) -> bool:
    """The value is an item of a list, a key of a mapping or a part of a text."""
    return contains(container, value)


@test("eq", "equalto", "sameas")
def is_equal(value: Value, other: Value) -> bool:
    """The value is the same as another."""
    return equal(value, other)


@test("upper")
def is_upper(value: Value) -> bool:
    """The text has capital letters only."""
    return expect.text(value, "upper").isupper()


@test("lower")
def is_lower(value: Value) -> bool:
    """The text has small letters only."""
    return expect.text(value, "lower").islower()


def _whole(value: Value, who: str) -> int:
    if value.__class__ is not int:
        raise ExpressionError(f"{who} needs a whole number, not {kind(value)}")
    found: int = value
    return found
