"""Operations that bring rows together."""

from collections.abc import Hashable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps.base import Params
from apps.steps.rows.aggregates import AGGREGATES
from apps.steps.rows.operation import FieldNames, Operation
from apps.steps.rows.values import (
    FieldName,
    collect,
    identity,
    mapping_of,
    rows_of,
    value_of,
)

Keys = Annotated[FieldNames, Field(min_length=1, max_length=50)]


def _groups(rows: list[Json], by: list[str]) -> list[tuple[JsonObject, list[Json]]]:
    """The rows of each combination of values, in the order they first appear."""
    groups: dict[Hashable, tuple[JsonObject, list[Json]]] = {}
    for row in rows:
        values = {name: value_of(row, name) for name in by}
        key = tuple(map(identity, values.values()))
        groups.setdefault(key, (values, []))[1].append(row)
    return list(groups.values())


class Group(Operation):
    """Make one row of all rows that share values, with the rows inside."""

    shorthand = "by"
    by: Keys = Field(description="The fields whose values they share.")
    into: FieldName = Field(default="rows", description="The field for the list.")

    def apply(self, data: Json) -> Json:
        return [
            values | {self.into: rows}
            for values, rows in _groups(rows_of(data), self.by)
        ]


class Aggregate(Params):
    """One number or value out of many rows."""

    op: Literal[
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "count_distinct",
        "first",
        "last",
        "list",
    ] = Field(description="How; null is left out, except by first, last and list.")
    field: FieldName | None = Field(
        default=None, description="Of which field; `count` without it counts rows."
    )

    @model_validator(mode="after")
    def _has_field(self) -> Self:
        if self.field is None and self.op != "count":
            raise ValueError(f"`{self.op}` needs a `field`")
        return self

    def of(self, rows: list[Json]) -> Json:
        """Its value over the rows."""
        if self.field is None:
            return len(rows)
        values = [value_of(row, self.field) for row in rows]
        return AGGREGATES[self.op](values, self.field)


class AggregateRows(Operation):
    """Make one row of all rows that share values, or of all, with sums and the like."""

    by: Keys | None = Field(
        default=None, description="The fields whose values they share."
    )
    fields: dict[FieldName, Aggregate] = Field(
        min_length=1, description="New field to how it is made."
    )

    def apply(self, data: Json) -> Json:
        rows = rows_of(data)
        groups = _groups(rows, self.by) if self.by else [({}, rows)]
        return [
            values | {name: how.of(group) for name, how in self.fields.items()}
            for values, group in groups
        ]


class Join(Operation):
    """Add to each row the fields of the rows of another list that belong to it."""

    with_: list[JsonObject] = Field(alias="with", description="The other list.")
    on: str | list[str] | dict[str, str] = Field(
        description="A field that both have, several, or `{ours: theirs}`."
    )
    how: Literal["inner", "left"] = Field(
        default="inner", description="With `left`, rows without a match stay."
    )
    prefix: str = Field(
        default="", max_length=100, description="Put before the names of the others."
    )

    @model_validator(mode="after")
    def _has_fields(self) -> Self:
        if not self._pairs():
            raise ValueError("`on` needs a field")
        return self

    def _pairs(self) -> list[tuple[str, str]]:
        if isinstance(self.on, dict):
            return list(self.on.items())
        return [(name, name) for name in _as_names(self.on)]

    def apply(self, data: Json) -> Json:
        return collect(self._rows(rows_of(data)))

    def _rows(self, rows: list[Json]) -> Iterator[Json]:
        ours, theirs = zip(*self._pairs(), strict=True)
        others: dict[Hashable, list[JsonObject]] = {}
        for other in self.with_:
            others.setdefault(_key(other, theirs), []).append(other)
        absent = self._absent(theirs)
        for index, row in enumerate(rows):
            found = others.get(_key(row, ours), [])
            if not found and self.how == "left":
                yield absent | mapping_of(row, index)
            for other in found:
                yield mapping_of(row, index) | self._added(other, theirs)

    def _added(self, other: JsonObject, theirs: tuple[str, ...]) -> JsonObject:
        return {self.prefix + k: v for k, v in other.items() if k not in theirs}

    def _absent(self, theirs: tuple[str, ...]) -> JsonObject:
        """Null for every field that a match would have added."""
        names = dict.fromkeys(k for other in self.with_ for k in other)
        return self._added(dict.fromkeys(names), theirs)


def _as_names(on: str | list[str]) -> list[str]:
    return [on] if isinstance(on, str) else on


def _key(row: Json, fields: tuple[str, ...]) -> Hashable:
    """Null belongs to nothing, so a key with it equals no other."""
    values: list[Any] = [value_of(row, name) for name in fields]
    return object() if None in values else tuple(map(identity, values))
