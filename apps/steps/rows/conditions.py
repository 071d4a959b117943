"""Conditions on rows as data: `{field: total, op: ">", value: 100}`."""

from collections.abc import Callable
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.patterns import compile_pattern, matches
from apps.steps.rows.values import (
    Alternatives,
    FieldName,
    are_equal,
    compare,
    value_of,
)

Operator = Literal[
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "in",
    "not_in",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "is_empty",
    "is_not_empty",
]


class RowCondition(Params):
    """One condition on one field."""

    field: FieldName = Field(description="The field; `a.b` for one inside another.")
    op: Operator = Field(default="==", description="How it is compared.")
    value: Json = Field(default=None, description="What it is compared with.")

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if self.op in ("in", "not_in") and not isinstance(self.value, list):
            raise ValueError(f"`{self.op}` needs a list as `value`")
        if self.op in ("starts_with", "ends_with", "matches") and not isinstance(
            self.value, str
        ):
            raise ValueError(f"`{self.op}` needs a text as `value`")
        if self.op == "matches":
            compile_pattern(self.value)
        return self

    @cached_property
    def _alternatives(self) -> Alternatives:
        return Alternatives(self.value)

    def holds(self, row: Json) -> bool:
        """Whether the row meets it."""
        if self.op in ("in", "not_in"):
            found = value_of(row, self.field) in self._alternatives
            return found is (self.op == "in")
        return _TESTS[self.op](value_of(row, self.field), self.value)


def _ordered(test: Callable[[int], bool]) -> Callable[[Json, Json], bool]:
    def holds(left: Json, right: Json) -> bool:
        order = compare(left, right)
        return order is not None and test(order)

    return holds


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    if isinstance(left, dict):
        return right in left if isinstance(right, str) else False
    return isinstance(left, list) and any(are_equal(one, right) for one in left)


def _is_empty(left: Json, right: Json) -> bool:
    return left is None or left == "" or left == [] or left == {}


_TESTS: dict[str, Callable[[Json, Json], bool]] = {
    "==": are_equal,
    "!=": lambda left, right: not are_equal(left, right),
    ">": _ordered(lambda order: order > 0),
    ">=": _ordered(lambda order: order >= 0),
    "<": _ordered(lambda order: order < 0),
    "<=": _ordered(lambda order: order <= 0),
    "contains": _contains,
    "not_contains": lambda left, right: not _contains(left, right),
    "starts_with": lambda left, right: isinstance(left, str) and left.startswith(right),
    "ends_with": lambda left, right: isinstance(left, str) and left.endswith(right),
    "matches": lambda left, right: isinstance(left, str) and matches(right, left),
    "is_empty": _is_empty,
    "is_not_empty": lambda left, right: not _is_empty(left, right),
}
