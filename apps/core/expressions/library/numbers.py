"""Functions and filters over numbers."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.operators import check_list_length
from apps.core.expressions.registry import as_filter, function
from apps.core.expressions.values import Value

# Wide enough for every float and every integer that we take.
_CONTEXT = Context(prec=limits.MAX_DIGITS * 2)
_ROUNDINGS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}


@function("abs")
@as_filter("abs")
def absolute(value: Value) -> int | float:
    """The number without its sign."""
    return abs(expect.number(value, "abs"))


@function("round")
@as_filter("round")
def rounded(value: Value, precision: Value = 0, method: Value = "common") -> Value:
    """The number rounded (2.5 gives 3); method: common, ceil or floor.

    Without decimals it is a whole number.
    """
    if not isinstance(method, str) or method not in _ROUNDINGS:
        raise ExpressionError("method must be common, ceil or floor")
    digits = expect.integer(precision, "precision", -300, 300)
    exact = _round(expect.number(value, "round"), digits, _ROUNDINGS[method])
    if digits <= 0:
        return int(exact)
    return value if value.__class__ is int else float(exact)


@as_filter("format_number")
def format_number(
    value: Value, decimals: Value = 2, thousands: Value = ",", point: Value = "."
) -> str:
    """The number as text with separated thousands and fixed decimals."""
    digits = expect.integer(decimals, "decimals", 0, 30)
    between = expect.text(thousands, "thousands", most=10)
    dot = expect.text(point, "point", most=10)
    exact = _round(expect.number(value, "format_number"), digits, ROUND_HALF_UP)
    whole, _, fraction = f"{exact:,f}".partition(".")
    return whole.replace(",", between) + (dot + fraction if digits else "")


@function("range")
def number_range(start: Value, stop: Value = None, step: Value = 1) -> list[int]:
    """Whole numbers from start (or 0) up to, not including, stop; 10,000 at most."""
    if stop is None:
        start, stop = 0, start
    wide = 2**limits.MAX_INTEGER_BITS
    first, last, stride = (
        expect.integer(each, "range", -wide, wide) for each in (start, stop, step)
    )
    if stride == 0:
        raise ExpressionError("the step of a range cannot be 0")
    # Not len(range(…)): it fails on numbers above 2**63.
    length = max(0, -((first - last) // stride))
    check_list_length(length, limits.MAX_ITEMS)
    return list(range(first, last, stride))


@function("sqrt")
def square_root(value: Value) -> float:
    """The square root of a number that is not negative."""
    number = expect.number(value, "sqrt")
    if number < 0:
        raise ExpressionError("a negative number has no square root")
    try:
        return math.sqrt(number)
    except OverflowError:
        raise ExpressionError("the number is too large for sqrt") from None


def _round(value: int | float, digits: int, rounding: str) -> Decimal:
    exact = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
    if exact.adjusted() + digits > limits.MAX_DIGITS:
        raise ExpressionError("the number is too large to be rounded")
    step = Decimal(1).scaleb(-digits)
    result = exact.quantize(step, rounding=rounding, context=_CONTEXT)
    return abs(result) if result == 0 else result
