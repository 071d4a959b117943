"""What every operation on rows has in common."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.rows.values import FieldName


def as_list(value: Any) -> Any:
    """What stands alone where a list may stand, as a list."""
    return value if isinstance(value, list | tuple) else [value]


# One name, or a list of them.
FieldNames = Annotated[
    list[FieldName],
    BeforeValidator(as_list, json_schema_input_type=FieldName | list[FieldName]),
]


class Operation(Params):
    """One change to all rows."""

    # The field that a value stands for which is no mapping: `limit: 10`.
    shorthand: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, given: Any) -> Any:
        if cls.shorthand is None or isinstance(given, dict | Operation):
            return given
        return {cls.shorthand: given}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler(schema)
        if cls.shorthand is None:
            return made
        fields = handler.resolve_ref_schema(made)["properties"]
        return {"anyOf": [made, fields[cls.shorthand]]}

    @abstractmethod
    def apply(self, data: Json) -> Json:
        """The rows afterwards; those given are not changed.

        Raises:
            PermanentFailure: the rows do not allow it; names the row.
        """
