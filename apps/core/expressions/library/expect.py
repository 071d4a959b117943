"""What a function may rely on about its arguments, with the error otherwise."""

from typing import cast

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.operators import is_number
from apps.core.expressions.values import Value, kind


def text(value: Value, who: str, *, most: int = limits.MAX_TEXT) -> str:
    """`value`, known to be a text of at most `most` characters."""
    if value.__class__ is not str:
        raise ExpressionError(
            f"{who} needs a text, not {kind(value)}; string makes one of any value"
        )
    if len(value) > most:
        raise ExpressionError(f"{who} takes texts of at most {most} characters")
    return value


def shown(value: Value) -> str:
    """How a message shows a text: whole, so that a secret in it is masked, or not."""
    whole = value.__class__ is str and len(value) <= 40 and value.isprintable()
    return f"'{value}'" if whole else kind(value)


def long_text(value: Value, who: str) -> str:
    """`value`, known to be a text of at most 16 Mi characters."""
    return text(value, who, most=limits.MAX_INPUT_TEXT)


def number(value: Value, who: str) -> int | float:
    """`value`, known to be a number."""
    if not is_number(value):
        raise ExpressionError(f"{who} needs a number, not {kind(value)}")
    return cast("int | float", value)


def integer(value: Value, who: str, low: int, high: int) -> int:
    """`value`, known to be a whole number between two bounds, both included."""
    if value.__class__ is not int:
        raise ExpressionError(f"{who} needs a whole number, not {kind(value)}")
    if not low <= value <= high:
        raise ExpressionError(f"{who} must be from {low} to {high}")
    return value


def items(value: Value, who: str) -> list[Value]:
    """`value`, known to be a list of at most 100,000 items."""
    if not isinstance(value, list):
        raise ExpressionError(f"{who} needs a list, not {kind(value)}")
    if len(value) > limits.MAX_LIST:
        raise ExpressionError(f"{who} takes lists of at most {limits.MAX_LIST} items")
    return value


def mapping(value: Value, who: str) -> dict[str, Value]:
    """`value`, known to be a mapping."""
    if not isinstance(value, dict):
        raise ExpressionError(f"{who} needs a mapping, not {kind(value)}")
    if len(value) > limits.MAX_LIST:
        raise ExpressionError(f"{who} takes mappings of {limits.MAX_LIST} keys")
    return value
