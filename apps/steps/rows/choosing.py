"""Operations that choose rows and put them in order."""

from collections.abc import Hashable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.rows.conditions import RowCondition
from apps.steps.rows.operation import FieldNames, Operation, as_list
from apps.steps.rows.queries import Query, RowExpression, ask, compute
from apps.steps.rows.values import (
    FieldName,
    identity,
    number_of,
    order_key,
    rows_of,
    value_of,
)


class Filter(Operation):
    """Keep the rows that meet conditions."""

    where: Annotated[
        list[RowCondition],
        BeforeValidator(
            as_list, json_schema_input_type=RowCondition | list[RowCondition]
        ),
    ] = Field(default_factory=list, max_length=100, description="Conditions on fields.")
    match: Literal["all", "any"] = Field(
        default="all", description="Whether all of `where` must hold, or any."
    )
    jmespath: Query | None = Field(
        default=None, description="A JMESPath query; rows for which it is true stay."
    )
    if_: RowExpression | None = Field(
        default=None,
        alias="if",
        description="An expression without braces, such as `row.total > 100`.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.where and self.jmespath is None and self.if_ is None:
            raise ValueError("give `where`, `jmespath` or `if`")
        return self

    def apply(self, data: Json) -> Json:
        return [
            row for index, row in enumerate(rows_of(data)) if self._stays(row, index)
        ]

    def _stays(self, row: Json, index: int) -> bool:
        if self.where:
            tests = (condition.holds(row) for condition in self.where)
            if not (all(tests) if self.match == "all" else any(tests)):
                return False
        # JMESPath counts 0 as true; people do not.
        if self.jmespath is not None and not ask(row, self.jmespath):
            return False
        return self.if_ is None or bool(compute(row, index, self.if_))


class SortKey(Params):
    """One field to sort by."""

    field: FieldName = Field(description="The field; `@` for the row itself.")
    order: Literal["asc", "desc"] = Field(default="asc", description="Which way.")
    numeric: bool = Field(
        default=False, description="Whether texts that spell numbers are numbers."
    )

    def of(self, row: Json) -> Json:
        """The value to sort by."""
        value = value_of(row, self.field)
        number = number_of(value) if self.numeric else None
        return value if number is None else number


def _as_keys(value: Any) -> Any:
    return [{"field": key} if isinstance(key, str) else key for key in as_list(value)]


class Sort(Operation):
    """Put rows in order: numbers, texts, false and true, others; null comes last."""

    shorthand = "by"
    by: Annotated[
        list[SortKey],
        BeforeValidator(
            _as_keys,
            json_schema_input_type=str | SortKey | list[str | SortKey],
        ),
    ] = Field(
        min_length=1, max_length=20, description="Fields, the most important first."
    )

    def apply(self, data: Json) -> Json:
        rows = list(rows_of(data))
        for key in reversed(self.by):
            rows = _sorted(rows, key)
        return rows


def _sorted(rows: list[Json], key: SortKey) -> list[Json]:
    known = [row for row in rows if key.of(row) is not None]
    known.sort(key=lambda row: order_key(key.of(row)), reverse=key.order == "desc")
    return known + [row for row in rows if key.of(row) is None]


class Unique(Operation):
    """Keep the first of the rows that are the same."""

    shorthand = "by"
    by: FieldNames = Field(
        default_factory=lambda: ["@"],
        min_length=1,
        max_length=100,
        description="What makes rows the same; without it, everything.",
    )

    def apply(self, data: Json) -> Json:
        firsts: dict[Hashable, Json] = {}
        for row in rows_of(data):
            firsts.setdefault(tuple(identity(value_of(row, n)) for n in self.by), row)
        return list(firsts.values())


class Limit(Operation):
    """Keep some rows from the beginning."""

    shorthand = "count"
    count: int = Field(ge=0, strict=True, description="How many to keep.")
    offset: int = Field(
        default=0, ge=0, strict=True, description="How many to leave out first."
    )

    def apply(self, data: Json) -> Json:
        return rows_of(data)[self.offset : self.offset + self.count]


class Offset(Operation):
    """Leave rows at the beginning out."""

    shorthand = "count"
    count: int = Field(ge=0, strict=True, description="How many to leave out.")

    def apply(self, data: Json) -> Json:
        return rows_of(data)[self.count :]
