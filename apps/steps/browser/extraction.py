"""Reads rows of values from the open page."""

import json
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import re2
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.browser.target import Target, as_target

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

MAX_ROWS = 10_000
MAX_CHARACTERS = 8_000_000
MAX_PATTERN = 512


def as_field(given: Any) -> Any:
    """A text as the field whose target it is; `selector` is another name for that."""
    if isinstance(given, str):
        return {"target": given}
    if isinstance(given, Mapping) and "selector" in given:
        rest = {name: value for name, value in given.items() if name != "selector"}
        return {**rest, "target": given["selector"]}
    return given


class Field(BaseModel):
    """One value of a row.

    Attributes:
        target: where it is in the row; None: the row itself.
        attribute: `text`, `html`, or an attribute of the element.
        regex: what of the value counts: its first group, else all that it matches.
        default: for a row without it.
        fields: of an object that each element makes instead of a value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Annotated[Target, BeforeValidator(as_target)] | None = None
    attribute: str = "text"
    regex: str | None = None
    many: bool = False
    default: Any = None
    fields: dict[str, Annotated["Field", BeforeValidator(as_field)]] | None = None

    def for_page(self) -> list[Json]:
        """The field as the page's side takes it."""
        selectors = self.target.selectors if self.target else ()
        found = [selector.for_page() for selector in selectors]
        inner: Json = None
        if self.fields is not None:
            inner = [field.for_page() for field in self.fields.values()]
        return [found, self.attribute, self.many, inner]


def rows(
    session: "BrowserSession",
    target: Target | None,
    fields: Mapping[str, Any],
    limit: int = MAX_ROWS,
) -> list[JsonObject]:
    """One object for each element that fits the target now; one for the page."""
    parsed = {name: _field(name, given) for name, given in fields.items()}
    parsed = parsed or {"text": Field()}
    selectors = target.for_page() if target else []
    asked = [field.for_page() for field in parsed.values()]
    found = session.steadily(
        lambda: session.run(
            target, "reading.extract", selectors, asked, limit, MAX_CHARACTERS
        )
    )
    for field, at in zip(_all(parsed), found["used"], strict=True):
        if field.target is not None:
            session.matches.note(field.target, {"at": at})
    if found["count"] > limit > 1:
        message = f"{found['count']} rows are more than {limit}."
        raise PermanentFailure(message, code="too_much_data")
    return [_row(parsed, row) for row in found["rows"]]


def _all(fields: Mapping[str, Field]) -> list[Field]:
    """All fields, each before those that it has of its own."""
    inner = ((field, *_all(field.fields or {})) for field in fields.values())
    return list(chain.from_iterable(inner))


def _row(fields: Mapping[str, Field], values: list[Json]) -> JsonObject:
    pairs = zip(fields.items(), values, strict=True)
    return {name: _value(name, field, value) for (name, field), value in pairs}


def _field(name: str, given: Any) -> Field:
    try:
        field = Field.model_validate(as_field(given))
        _pattern(name, field)
        return field
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, (name, *problem["loc"])))
        message = f"The field {place} is not valid: {problem['msg']}."
        raise PermanentFailure(message, code="invalid_field") from error


def _pattern(name: str, field: Field) -> Any:
    if field.regex is None:
        return None
    try:
        if len(field.regex) > MAX_PATTERN:
            raise re2.error(f"it is longer than {MAX_PATTERN} characters")
        return re2.compile(field.regex)
    except re2.error as error:
        message = f"The regex of field {name} is not valid: {error}."
        raise PermanentFailure(message, code="invalid_field") from error


def _value(name: str, field: Field, value: Any) -> Json:
    if field.fields is not None:
        if field.many:
            return [_row(field.fields, row) for row in value] or field.default or []
        return field.default if value is None else _row(field.fields, value)
    pattern = _pattern(name, field)
    if isinstance(value, list):
        values = [_matched(pattern, item) for item in value]
        return [item for item in values if item is not None] or field.default or []
    matched = _matched(pattern, value)
    return field.default if matched is None else matched


def _matched(pattern: Any, value: Json) -> Json:
    if pattern is None or value is None:
        return value
    match = pattern.search(value if isinstance(value, str) else json.dumps(value))
    if match is None:
        return None
    return match[1] if match.re.groups else match[0]
