"""Rules that a field of each row must keep."""

import math
from collections.abc import Callable, Hashable
from datetime import date, datetime
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Params
from apps.steps.patterns import Pattern, matches
from apps.steps.rows.values import FieldName, compare, has_value, identity, value_of

RuleType = Literal[
    "text",
    "number",
    "integer",
    "boolean",
    "list",
    "object",
    "date",
    "datetime",
    "email",
    "url",
]
_EMAIL = (
    r"^[^\s@<>\"(),:;\[\]\\]{1,64}@"
    r"(?:[\pL\pN](?:[\pL\pN-]{0,61}[\pL\pN])?\.)+[\pL\pN-]{2,63}$"
)


class Rule(Params):
    """What one field must be. An absent or null field breaks `required` alone."""

    field: FieldName = Field(description="The field; `a.b` for one inside another.")
    required: bool = Field(
        default=False, description="Whether it must be there and not null or empty."
    )
    type: RuleType | None = Field(default=None, description="What it must be.")
    min: int | float | str | None = Field(
        default=None, description="The least number, date or text."
    )
    max: int | float | str | None = Field(
        default=None, description="The greatest number, date or text."
    )
    min_length: int | None = Field(
        default=None, ge=0, description="The least characters or items."
    )
    max_length: int | None = Field(
        default=None, ge=0, description="The most characters or items."
    )
    pattern: Pattern | None = Field(
        default=None, description="A regular expression that must match somewhere."
    )
    enum: list[Json] | None = Field(
        default=None, min_length=1, description="The only values allowed."
    )
    unique: bool = Field(
        default=False, description="Whether no two rows may have the same value."
    )
    message: str | None = Field(
        default=None, max_length=500, description="What to say when it is broken."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.model_fields_set <= {"field", "message"}:
            raise ValueError("the rule asks nothing of its field")
        return self


class RuleCheck:
    """A rule with what it saw in the rows before."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._seen: dict[Hashable, int] = {}
        enum = rule.enum
        self._allowed = None if enum is None else frozenset(map(identity, enum))

    def error(self, row: Json, index: int) -> str | None:
        """What is wrong with the row's field; None when all is well."""
        value = value_of(row, self.rule.field)
        if value is None or (value == "" and self.rule.required):
            return self._absent(row)
        return self._wrong_kind(value) or self._wrong_value(value, index)

    def _absent(self, row: Json) -> str | None:
        if not self.rule.required:
            return None
        if not has_value(row, self.rule.field):
            return "it is missing"
        return "it is null or empty"

    def _wrong_kind(self, value: Json) -> str | None:
        rule = self.rule
        if rule.type is not None and not _TYPES[rule.type][0](value):
            return f"it is not {_TYPES[rule.type][1]}"
        if rule.min is not None and compare(value, rule.min) not in (0, 1):
            return f"it is not at least {rule.min}"
        if rule.max is not None and compare(value, rule.max) not in (0, -1):
            return f"it is not at most {rule.max}"
        return self._wrong_length(value)

    def _wrong_length(self, value: Json) -> str | None:
        rule = self.rule
        if rule.min_length is None and rule.max_length is None:
            return None
        if not isinstance(value, str | list | dict):
            return "it has no length"
        if rule.min_length is not None and len(value) < rule.min_length:
            return f"it is shorter than {rule.min_length}"
        if rule.max_length is not None and len(value) > rule.max_length:
            return f"it is longer than {rule.max_length}"
        return None

    def _wrong_value(self, value: Json, index: int) -> str | None:
        pattern = self.rule.pattern
        if pattern and not (isinstance(value, str) and matches(pattern, value)):
            return f"it does not match {pattern}"
        if self._allowed is not None and identity(value) not in self._allowed:
            return f"it is not one of {_shown(self.rule.enum or [])}"
        if self.rule.unique:
            first = self._seen.setdefault(identity(value), index)
            if first != index:
                return f"row {first} has the same value"
        return None


def _shown(values: list[Json]) -> str:
    text = ", ".join(str(value)[:50] for value in values[:10])
    return text + (", …" if len(values) > 10 else "")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    return _is_number(value) and math.isfinite(value) and value == int(value)


def _is_date(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_datetime(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_email(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= 254 and matches(_EMAIL, value)


def _is_url(value: Json) -> bool:
    if not isinstance(value, str) or any(sign.isspace() for sign in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


_TYPES: dict[str, tuple[Callable[[Json], bool], str]] = {
    "text": (lambda value: isinstance(value, str), "a text"),
    "number": (_is_number, "a number"),
    "integer": (_is_integer, "a whole number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "object": (lambda value: isinstance(value, dict), "a mapping"),
    "date": (_is_date, "a date such as 2026-05-01"),
    "datetime": (_is_datetime, "a time such as 2026-05-01T08:00:00Z"),
    "email": (_is_email, "an e-mail address"),
    "url": (_is_url, "a web address"),
}
