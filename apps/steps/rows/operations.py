"""All operations on rows, and the way a step names one of them."""

from typing import Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.rows.choosing import Filter, Limit, Offset, Sort, Unique
from apps.steps.rows.combining import AggregateRows, Group, Join
from apps.steps.rows.operation import Operation
from apps.steps.rows.queries import Query, ask
from apps.steps.rows.shaping import Compute, Drop, Flatten, Map, Pick, Rename


class Ask(Operation):
    """Replace the data by what a JMESPath query finds in all of it."""

    shorthand = "query"
    query: Query = Field(description="The JMESPath query.")

    def apply(self, data: Json) -> Json:
        return ask(data, self.query)


class OperationChoice(Params):
    """Exactly one operation, by its name: `{sort: {by: total}}`."""

    map: Map | None = Field(default=None, description="New rows out of queries.")
    compute: Compute | None = Field(default=None, description="Add computed fields.")
    filter: Filter | None = Field(default=None, description="Keep some rows.")
    sort: Sort | None = Field(default=None, description="Put rows in order.")
    group: Group | None = Field(default=None, description="Rows inside rows.")
    aggregate: AggregateRows | None = Field(default=None, description="Sums and such.")
    pick: Pick | None = Field(default=None, description="Keep some fields.")
    drop: Drop | None = Field(default=None, description="Leave some fields out.")
    rename: Rename | None = Field(default=None, description="Other names for fields.")
    flatten: Flatten | None = Field(default=None, description="One row for each item.")
    unique: Unique | None = Field(default=None, description="No row twice.")
    limit: Limit | None = Field(default=None, description="The first rows only.")
    offset: Offset | None = Field(default=None, description="Not the first rows.")
    join: Join | None = Field(default=None, description="Fields from another list.")
    jmespath: Ask | None = Field(default=None, description="A query on all rows.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self._given()) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"give exactly one operation: one of {names}")
        return self

    def _given(self) -> list[tuple[str, Operation]]:
        fields = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, value) for name, value in fields if value is not None]

    @property
    def name(self) -> str:
        """The operation's name."""
        return self._given()[0][0]

    @property
    def operation(self) -> Operation:
        """The operation itself."""
        return self._given()[0][1]
