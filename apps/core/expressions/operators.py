"""Operators over JSON values. Each looks at kinds and sizes before it computes."""

import math
from collections.abc import Callable, Iterable, Mapping

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.values import Value, count_nodes, kind, text_of, truth

_LARGEST = 1 << limits.MAX_INTEGER_BITS


def is_number(value: Value) -> bool:
    """Whether `value` is an integer or a float; true and false are neither."""
    return value.__class__ is int or value.__class__ is float


def add(left: Value, right: Value) -> Value:
    """The sum of numbers, or two texts or two lists one after the other."""
    if left.__class__ is right.__class__ is int:
        return _bounded(left + right)
    if is_number(left) and is_number(right):
        return _finite(lambda: left + right)
    if left.__class__ is str and right.__class__ is str:
        check_text_length(len(left) + len(right))
        return left + right
    if left.__class__ is list and right.__class__ is list:
        check_list_length(len(left) + len(right))
        return left + right
    hint = "; ~ joins any values as text" if str in _classes(left, right) else ""
    raise ExpressionError(
        f"+ cannot add {kind(right)} to {kind(left)}, only numbers, two texts"
        f" or two lists{hint}"
    )


def subtract(left: Value, right: Value) -> Value:
    """The difference of two numbers."""
    _check_numbers("-", left, right)
    return _finite(lambda: left - right)


def multiply(left: Value, right: Value) -> Value:
    """The product of numbers, or a text or list repeated."""
    if is_number(left) and is_number(right):
        if left.__class__ is right.__class__ is int:
            _check_bits(left.bit_length() + right.bit_length())
        return _finite(lambda: left * right)
    if left.__class__ is int:
        left, right = right, left
    if right.__class__ is int and left.__class__ in (str, list):
        return _repeat(left, max(right, 0))
    raise ExpressionError(f"* cannot multiply {kind(left)} by {kind(right)}")


def _repeat(what: Value, times: int) -> Value:
    if what.__class__ is str:
        check_text_length(len(what) * times)
    # What the items hold is counted too: nested repetition multiplies.
    elif count_nodes(what, limits.MAX_ITEMS) * times > limits.MAX_ITEMS + times:
        raise ExpressionError(
            f"a repeated list may hold {limits.MAX_ITEMS} values at most"
        )
    return what * times


def divide(left: Value, right: Value) -> Value:
    """The quotient of two numbers, a float."""
    _check_divisor("/", left, right)
    return _finite(lambda: left / right)


def floor_divide(left: Value, right: Value) -> Value:
    """The quotient of two numbers, rounded down."""
    _check_divisor("//", left, right)
    return _finite(lambda: left // right)


def modulo(left: Value, right: Value) -> Value:
    """The remainder of a division; it has the sign of the divisor."""
    _check_divisor("%", left, right)
    return _finite(lambda: left % right)


def power(left: Value, right: Value) -> Value:
    """`left` to the power of `right`."""
    _check_numbers("**", left, right)
    if left.__class__ is right.__class__ is int and right >= 0:
        if abs(left) > 1:
            _check_bits((abs(left).bit_length() - 1) * right)
        return _bounded(left**right)
    if left == 0 and right < 0:
        raise ExpressionError("0 has no negative power: division by zero")
    if left < 0 and right != int(right):
        raise ExpressionError("a negative number has no power that is not whole")
    return _finite(lambda: left**right)


def negative(value: Value) -> Value:
    """The number with the other sign."""
    if not is_number(value):
        raise ExpressionError(f"- needs a number, not {kind(value)}")
    return -value


def positive(value: Value) -> Value:
    """The number itself."""
    if not is_number(value):
        raise ExpressionError(f"+ needs a number, not {kind(value)}")
    return value


def concat(values: Iterable[Value], separator: str = "") -> str:
    """All values as texts, one after the other; stops as soon as it is too much."""
    texts: list[str] = []
    size = 0
    for value in values:
        texts.append(text_of(value))
        size += len(texts[-1]) + len(separator)
        check_text_length(size - len(separator))
    return separator.join(texts)


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same JSON; 1 is 1.0 and never true."""
    if (left.__class__ is bool) is not (right.__class__ is bool):
        return False
    if left.__class__ in (list, dict) and right.__class__ is left.__class__:
        _check_comparable(left, right)
    return bool(left == right)


def _check_comparable(left: Value, right: Value) -> None:
    most = limits.MAX_NODES
    if count_nodes(left, most) > most and count_nodes(right, most) > most:
        raise ExpressionError("the values are too large to be compared")


def contains(container: Value, item: Value) -> bool:
    """Whether a text holds a text, a list an item or a mapping a key."""
    if isinstance(container, list):
        if item.__class__ in (list, dict):
            _check_comparable(container, container)
        elif item.__class__ is str:
            return item in container
        return any(equal(each, item) for each in container)
    if container.__class__ is str:
        if item.__class__ is not str:
            raise ExpressionError(f"in: a text cannot hold {kind(item)}")
        return item in container
    if isinstance(container, dict):
        return item.__class__ is str and item in container
    if isinstance(container, Mapping):
        raise ExpressionError("in: this mapping cannot be searched")
    raise ExpressionError(f"in needs a list, text or mapping, not {kind(container)}")


def _ordered(symbol: str, left: Value, right: Value) -> None:
    both_numbers = is_number(left) and is_number(right)
    if both_numbers or (left.__class__ is str and right.__class__ is str):
        return
    raise ExpressionError(
        f"{symbol} cannot compare {kind(left)} with {kind(right)},"
        " only numbers or two texts"
    )


def less(left: Value, right: Value) -> bool:
    """Whether `left` comes before `right`."""
    _ordered("<", left, right)
    return bool(left < right)


def less_or_equal(left: Value, right: Value) -> bool:
    """Whether `left` does not come after `right`."""
    _ordered("<=", left, right)
    return bool(left <= right)


def greater(left: Value, right: Value) -> bool:
    """Whether `left` comes after `right`."""
    _ordered(">", left, right)
    return bool(left > right)


def greater_or_equal(left: Value, right: Value) -> bool:
    """Whether `left` does not come before `right`."""
    _ordered(">=", left, right)
    return bool(left >= right)


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "eq": equal,
    "ne": lambda left, right: not equal(left, right),
    "lt": less,
    "lteq": less_or_equal,
    "gt": greater,
    "gteq": greater_or_equal,
    "in": lambda left, right: contains(right, left),
    "notin": lambda left, right: not contains(right, left),
}


def negate(value: Value) -> bool:
    """True for what no condition would accept."""
    return not truth(value)


def check_text_length(length: int) -> None:
    """Refuse a text that would be longer than 1 Mi characters, before it is built."""
    if length > limits.MAX_TEXT:
        raise ExpressionError(
            f"the text would be too long (at most {limits.MAX_TEXT} characters)"
        )


def check_list_length(length: int, most: int = limits.MAX_LIST) -> None:
    """Refuse a list that would have more than `most` items."""
    if length > most:
        raise ExpressionError(f"a list may have {most} items at most here")


def _classes(*values: Value) -> set[type]:
    return {value.__class__ for value in values}


def _check_numbers(symbol: str, left: Value, right: Value) -> None:
    if not (is_number(left) and is_number(right)):
        raise ExpressionError(
            f"{symbol} needs two numbers, not {kind(left)} and {kind(right)}"
        )


def _check_divisor(symbol: str, left: Value, right: Value) -> None:
    _check_numbers(symbol, left, right)
    if right == 0:
        raise ExpressionError(f"{symbol}: division by zero")


def _check_bits(bits: int) -> None:
    if bits > limits.MAX_INTEGER_BITS:
        raise ExpressionError(
            f"the number would be too large (at most {limits.MAX_INTEGER_BITS} bits)"
        )


def _bounded(value: Value) -> Value:
    if value.__class__ is int:
        if not -_LARGEST < value < _LARGEST:
            _check_bits(limits.MAX_INTEGER_BITS + 1)
    elif not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")
    return value


def _finite(compute: Callable[[], Value]) -> Value:
    try:
        return _bounded(compute())
    except OverflowError:
        raise ExpressionError("the result is not a finite number") from None
