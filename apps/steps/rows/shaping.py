"""Operations that change what each row holds."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.rows.operation import FieldNames, Operation
from apps.steps.rows.queries import Query, RowExpression, ask, compute
from apps.steps.rows.values import (
    FieldName,
    collect,
    has_value,
    mapping_of,
    rows_of,
    value_of,
)

Names = Annotated[FieldNames, Field(min_length=1, max_length=1000)]


class Map(Operation):
    """Make new rows out of queries on the old ones."""

    fields: dict[FieldName, Query] = Field(
        min_length=1, description="New field to JMESPath query on the row."
    )
    keep: bool = Field(default=False, description="Whether other fields stay.")

    def apply(self, data: Json) -> Json:
        return collect(self._rows(rows_of(data)))

    def _rows(self, rows: list[Json]) -> Iterator[Json]:
        for index, row in enumerate(rows):
            kept = mapping_of(row, index) if self.keep else {}
            yield kept | {name: ask(row, text) for name, text in self.fields.items()}


class Compute(Operation):
    """Add fields that are computed from the row."""

    fields: dict[FieldName, RowExpression] = Field(
        min_length=1,
        description="New field to expression without braces, such as `row.net * 1.2`.",
    )

    def apply(self, data: Json) -> Json:
        return collect(self._rows(rows_of(data)))

    def _rows(self, rows: list[Json]) -> Iterator[Json]:
        for index, row in enumerate(rows):
            made = dict(mapping_of(row, index))
            for name, text in self.fields.items():
                made[name] = compute(made, index, text)
            yield made


class Pick(Operation):
    """Keep only some fields, in this order; those that a row lacks become null."""

    shorthand = "fields"
    fields: Names = Field(description="What to keep; `a.b` for one inside another.")

    def apply(self, data: Json) -> Json:
        return collect(
            {name: value_of(row, name) for name in self.fields} for row in rows_of(data)
        )


class Drop(Operation):
    """Leave some fields out."""

    shorthand = "fields"
    fields: Names = Field(description="What to leave out.")

    def apply(self, data: Json) -> Json:
        gone = frozenset(self.fields)
        return [
            {
                name: value
                for name, value in mapping_of(row, at).items()
                if name not in gone
            }
            for at, row in enumerate(rows_of(data))
        ]


class Rename(Operation):
    """Give fields other names; their order stays."""

    fields: dict[FieldName, FieldName] = Field(
        min_length=1, description="Old name to new name."
    )

    def apply(self, data: Json) -> Json:
        return [
            self._renamed(mapping_of(row, at), at)
            for at, row in enumerate(rows_of(data))
        ]

    def _renamed(self, row: JsonObject, index: int) -> JsonObject:
        made = {self.fields.get(name, name): value for name, value in row.items()}
        if len(made) != len(row):
            raise PermanentFailure(
                f"Renaming gives row {index} two fields of one name.", code="name_taken"
            )
        return made


class Flatten(Operation):
    """Take what is nested apart."""

    shorthand = "field"
    field: FieldName | None = Field(
        default=None,
        description="A field with a list: one row for each item. Without it, rows "
        "that are lists are put one after another.",
    )
    prefix: str = Field(
        default="", max_length=100, description="Put before the names of an item."
    )
    keep_empty: bool = Field(
        default=False, description="Whether a row without items stays, with null."
    )

    def apply(self, data: Json) -> Json:
        rows = rows_of(data)
        return collect(self._items(rows) if self.field else _joined(rows))

    def _items(self, rows: list[Json]) -> Iterator[Json]:
        name = self.field or ""
        for index, row in enumerate(rows):
            rest = {k: v for k, v in mapping_of(row, index).items() if k != name}
            items = value_of(row, name) if has_value(row, name) else None
            if not isinstance(items, list):
                items = [] if items is None else [items]
            if not items and self.keep_empty:
                yield rest | {name: None}
            for item in items:
                yield rest | self._named(name, item)

    def _named(self, name: str, item: Json) -> JsonObject:
        if not isinstance(item, dict):
            return {self.prefix + name: item}
        return {self.prefix + key: value for key, value in item.items()}


def _joined(rows: list[Any]) -> Iterator[Json]:
    for row in rows:
        if isinstance(row, list):
            yield from row
        else:
            yield row
