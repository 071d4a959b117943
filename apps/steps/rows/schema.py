"""JSON Schema (draft 2020-12) for rows, with nothing in it that hangs or calls out.

`pattern` and `patternProperties` run on RE2, references lead nowhere outside of the
schema, and the formats are those that are checked without further libraries.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from apps.core.errors import PermanentFailure
from apps.core.paths import format_path
from apps.core.types import Json, JsonObject
from apps.steps.patterns import compile_pattern, matches

MAX_ERRORS = 20
MAX_PARTS = 10_000
_MAX_MESSAGE = 300
Errors = Iterator[ValidationError]


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Errors:
    if validator.is_type(value, "string") and not matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any
) -> Errors:
    if not validator.is_type(value, "object"):
        return
    for pattern, inner in patterns.items():
        for name, item in value.items():
            if matches(pattern, name):
                yield from validator.descend(
                    item, inner, path=name, schema_path=pattern
                )


def _additional_properties(
    validator: Any, additional: Any, value: Any, schema: Mapping[str, Any]
) -> Errors:
    if not validator.is_type(value, "object"):
        return
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, item in value.items():
        if name in known or any(matches(pattern, name) for pattern in patterns):
            continue
        if additional is False:
            yield ValidationError(f"{name!r} is not allowed")
        else:
            yield from validator.descend(item, additional, path=name)


_FORMATS = FormatChecker(
    [
        name
        for name in ("date", "time", "email", "ipv4", "ipv6", "uuid")
        if name in FormatChecker.checkers
    ]
)
_Validator: type[Validator] = extend(  # type: ignore[no-untyped-call]  # no types yet
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    },
    format_checker=_FORMATS,
)
_NOWHERE: Registry[Any] = EMPTY_REGISTRY


def check_schema(schema: Json) -> None:
    """Refuse what is no schema, or one that we cannot keep bounded.

    Raises:
        ValueError: says why and where.
    """
    for place, part in _parts(schema):
        _check_part(place, part)
    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker([]))
    except SchemaError as error:
        at = format_path(error.absolute_path) or "the schema"
        raise ValueError(f"{at}: {error.message[:300]}") from None
    except RecursionError:
        raise ValueError("the schema is nested too deep") from None


def _parts(schema: Json) -> Iterator[tuple[tuple[str | int, ...], JsonObject]]:
    """Every mapping in the schema with its place."""
    waiting: list[tuple[tuple[str | int, ...], Json]] = [((), schema)]
    seen = 0
    while waiting:
        place, item = waiting.pop()
        seen += 1
        if seen > MAX_PARTS:
            raise ValueError(f"the schema has more than {MAX_PARTS:,} parts")
        if isinstance(item, dict):
            yield place, item
            waiting.extend(((*place, name), inner) for name, inner in item.items())
        elif isinstance(item, list):
            waiting.extend(((*place, at), inner) for at, inner in enumerate(item))


def _check_part(place: tuple[str | int, ...], part: JsonObject) -> None:
    for keyword in ("$ref", "$dynamicRef"):
        reference = part.get(keyword)
        if isinstance(reference, str) and not reference.startswith("#"):
            raise ValueError(
                f"{format_path((*place, keyword))}: references lead to parts of the"
                " schema only, such as #/$defs/name"
            )
    patterns = [part.get("pattern"), *_names(part.get("patternProperties"))]
    for pattern in patterns:
        if isinstance(pattern, str):
            try:
                compile_pattern(pattern)
            except ValueError as error:
                raise ValueError(
                    f"{format_path(place) or 'the schema'}: {error}"
                ) from None
    if "unevaluatedProperties" in part:
        raise ValueError(
            f"{format_path((*place, 'unevaluatedProperties'))} is not supported; use"
            " additionalProperties"
        )


def _names(value: Json) -> list[str]:
    return list(value) if isinstance(value, dict) else []


class SchemaCheck:
    """A schema, ready for rows."""

    def __init__(self, schema: Json) -> None:
        self._validator = _Validator(schema, registry=_NOWHERE, format_checker=_FORMATS)

    def errors(self, row: Json) -> list[JsonObject]:
        """The row's first faults as `{field, message}`.

        Raises:
            PermanentFailure: the schema cannot be followed.
        """
        try:
            found = list(islice(self._validator.iter_errors(row), MAX_ERRORS))
        except Unresolvable as error:
            raise PermanentFailure(
                f"The schema has no part {str(error.ref)[:200]!r}.",
                code="invalid_schema",
            ) from error
        except RecursionError as error:
            raise PermanentFailure(
                "The schema refers to itself without end.", code="invalid_schema"
            ) from error
        return [
            {"field": format_path(one.absolute_path), "message": _told(one)}
            for one in found
        ]


def _told(error: ValidationError) -> str:
    return error.message if len(error.message) <= _MAX_MESSAGE else _cut(error.message)


def _cut(message: str) -> str:
    return message[:_MAX_MESSAGE] + "…"
