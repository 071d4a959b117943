"""What can be made out of the values of many rows."""

import math
from collections.abc import Callable

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.rows.values import identity, number_of, order_key


def _known(values: list[Json]) -> list[Json]:
    return [value for value in values if value is not None]


def _numbers(values: list[Json], field: str) -> list[int | float]:
    numbers: list[int | float] = []
    for index, value in enumerate(values):
        # An empty cell of a table is the same as none.
        if value is None or value == "":
            continue
        number = number_of(value)
        if number is None:
            raise PermanentFailure(
                f"{field!r} is no number in row {index} of the group:"
                f" {str(value)[:80]!r}.",
                code="not_a_number",
            )
        numbers.append(number)
    return numbers


def _sum(values: list[Json], field: str) -> Json:
    return _total(_numbers(values, field), field)


def _total(numbers: list[int | float], field: str) -> int | float:
    if all(isinstance(number, int) for number in numbers):
        return sum(numbers)
    try:
        # Adds without the errors that 0.1 + 0.2 has.
        return math.fsum(numbers)
    except OverflowError:
        raise PermanentFailure(
            f"The sum of {field!r} is too large.", code="not_a_number"
        ) from None


def _average(values: list[Json], field: str) -> Json:
    numbers = _numbers(values, field)
    return _total(numbers, field) / len(numbers) if numbers else None


def _least(values: list[Json], field: str) -> Json:
    return min(_known(values), key=order_key, default=None)


def _greatest(values: list[Json], field: str) -> Json:
    return max(_known(values), key=order_key, default=None)


AGGREGATES: dict[str, Callable[[list[Json], str], Json]] = {
    "sum": _sum,
    "avg": _average,
    "min": _least,
    "max": _greatest,
    "count": lambda values, field: len(_known(values)),
    "count_distinct": lambda values, field: len(set(map(identity, _known(values)))),
    "first": lambda values, field: values[0] if values else None,
    "last": lambda values, field: values[-1] if values else None,
    "list": lambda values, field: values,
}
