"""The fields of a row that is read, and what becomes of the values found."""

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Params
from apps.steps.browser.extraction import as_field
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.patterns import Pattern, first_match
from apps.steps.rows.values import FieldName, number_of

MAX_DEPTH = 5
ValueType = Literal["text", "number", "integer", "boolean"]
_TRUE = frozenset({"true", "yes", "on", "1", "y", "x"})
_FALSE = frozenset({"false", "no", "off", "0", "n", ""})
_NOT_NUMBER = re.compile(r"[^\d.,+-]", re.ASCII)


class FieldSpec(Params):
    """One value of a row."""

    target: TargetParam | None = target_field(default=None)
    attribute: str = Field(
        default="text",
        min_length=1,
        max_length=200,
        description="`text`, `html` (what is inside), or an attribute's name.",
    )
    regex: Pattern | None = Field(
        default=None,
        description="What of it counts: the first group, else all that matches.",
    )
    many: bool = Field(default=False, description="Whether to make a list of all.")
    default: Json = Field(default=None, description="For a row that lacks it.")
    type: ValueType = Field(default="text", description="What the text becomes.")
    fields: (
        Annotated[
            dict[
                FieldName,
                Annotated[
                    "FieldSpec",
                    BeforeValidator(as_field, json_schema_input_type="str | FieldSpec"),
                ],
            ],
            Field(min_length=1, max_length=200),
        ]
        | None
    ) = Field(
        default=None,
        description="Fields inside of it: it becomes an object of these, or with `many`"
        " a list of such objects.",
    )

    @model_validator(mode="after")
    def _is_value_or_object(self) -> Self:
        is_value = (self.attribute, self.regex, self.type) != ("text", None, "text")
        if self.fields is not None and is_value:
            raise ValueError("`fields` go without `attribute`, `regex` and `type`")
        if self.depth > MAX_DEPTH:
            raise ValueError(f"fields lie in each other {MAX_DEPTH} deep at most")
        return self

    @property
    def depth(self) -> int:
        """How deep fields lie in it, itself included."""
        inner = (self.fields or {}).values()
        return 1 + max((field.depth for field in inner), default=0)

    def for_page(self) -> JsonObject:
        """What the open page is asked for; the rest is done here."""
        asked: JsonObject = {"attribute": self.attribute, "many": self.many}
        if self.target is not None:
            asked["target"] = self.target.model_dump()
        if self.fields is not None:
            asked["fields"] = {n: field.for_page() for n, field in self.fields.items()}
        return asked

    def finish(self, name: str, value: Json) -> Json:
        """The value found as it is handed on.

        Raises:
            PermanentFailure: it is not of the type wanted.
        """
        if self.fields is not None:
            return self._finish_fields(name, value)
        if isinstance(value, list):
            found = [self._one(name, item) for item in value]
            values = [item for item in found if item is not None]
            return values or self.default or []
        found_one = self._one(name, value)
        return self.default if found_one is None else found_one

    def _finish_fields(self, name: str, value: Any) -> Json:
        if isinstance(value, list):
            return [self._object(name, one) for one in value] or self.default or []
        return self.default if value is None else self._object(name, value)

    def _object(self, name: str, found: JsonObject) -> JsonObject:
        inner = (self.fields or {}).items()
        return {n: field.finish(f"{name}.{n}", found[n]) for n, field in inner}

    def _one(self, name: str, value: Json) -> Json:
        if self.regex is not None and value is not None:
            value = first_match(self.regex, _as_text(value))
        return None if value is None else converted(name, value, self.type)


def converted(name: str, value: Json, type_: ValueType) -> Json:
    """The value as one of the type.

    Raises:
        PermanentFailure: it cannot be one; names the field and the value.
    """
    if type_ == "text":
        return value
    result = _boolean(value) if type_ == "boolean" else _number(value, type_)
    if result is None:
        kind = {"boolean": "yes or no", "integer": "a whole number"}
        raise PermanentFailure(
            f"The field {name!r} is not {kind.get(type_, 'a number')}:"
            f" {_as_text(value)[:100]!r}.",
            code="wrong_type",
        )
    return result


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _boolean(value: Json) -> bool | None:
    if isinstance(value, bool):
        return value
    text = _as_text(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _number(value: Json, type_: str) -> int | float | None:
    number = number_of(value)
    if number is None and isinstance(value, str):
        number = _formatted(value)
    if type_ == "number" or number is None:
        return number
    return int(number) if number == int(number) else None


def _formatted(text: str) -> int | float | None:
    """A number as people write it: `1,234.50 €`, `1.234,50`, `-3 %`.

    Of `.` and `,` the last one is the decimal sign when both are there. One alone is
    it as well, unless it separates exactly three digits or stands more than once.
    """
    digits = _NOT_NUMBER.sub("", text.replace("\N{MINUS SIGN}", "-"))
    if len(digits) > 100 or not any(map(str.isdigit, digits)):
        return None
    point, comma = digits.rfind("."), digits.rfind(",")
    last = max(point, comma)
    sign = digits[last] if last >= 0 else ""
    is_decimal = last >= 0 and (
        min(point, comma) >= 0
        or (digits.count(sign) == 1 and (sign == "." or len(digits) - last != 4))
    )
    if is_decimal:
        whole = re.sub("[.,]", "", digits[:last])
        return number_of(f"{whole}.{digits[last + 1 :]}")
    return number_of(re.sub("[.,]", "", digits))
