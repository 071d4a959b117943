"""Serializers that take exactly what they declare."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.core.text import did_you_mean, has_controls, is_storable

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.I)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:?\d\d)",
    re.ASCII,
)
_FIRST_YEAR, _LAST_YEAR = 1900, 9000

# What JSON type each kind of field takes: DRF alone would also take "true" for a
# boolean, "5" for a number and 5 for a text.
_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], Any, str], ...] = (
    (serializers.BooleanField, bool, "must be true or false"),
    (serializers.IntegerField, int, "must be a whole number"),
    (serializers.FloatField, (int, float), "must be a number"),
    (serializers.CharField, str, "must be a text"),
    (serializers.UUIDField, str, "must be an identifier"),
    (serializers.DateTimeField, str, "must be a time such as 2026-01-31T09:00:00Z"),
    (serializers.ChoiceField, str, "must be a text"),
)


def unknown_fields(
    given: Iterable[object], known: Iterable[str]
) -> dict[str, list[str]]:
    """An error for each name that is not known, with the nearest that is."""
    names = list(known)
    return {
        str(name): [f"This field is not known.{did_you_mean(str(name), names)}"]
        for name in given
        if name not in names
    }


def _wrong_type(field: Any, value: object) -> str | None:
    if value is None or isinstance(field, serializers.MultipleChoiceField):
        return None
    for kind, types, message in _TYPES:
        if isinstance(field, kind):
            is_boolean = isinstance(value, bool) and types is not bool
            return message if is_boolean or not isinstance(value, types) else None
    return None


def _wrong_form(field: Any, value: object) -> str | None:
    if isinstance(field, serializers.UUIDField) and not _UUID.fullmatch(str(value)):
        return "must be an identifier such as 01890a5d-ac96-774b-bcce-b302099a8057"
    if isinstance(field, serializers.DateTimeField) and isinstance(value, str):
        return _wrong_moment(value)
    return None


def _wrong_moment(text: str) -> str | None:
    if not _MOMENT.fullmatch(text):
        return "must be a time with its zone, such as 2026-01-31T09:00:00Z"
    if not _FIRST_YEAR <= int(text[:4]) <= _LAST_YEAR:
        return f"must be a time of the years {_FIRST_YEAR} to {_LAST_YEAR}"
    return None


class StrictSerializer(serializers.Serializer[Any]):
    """Takes the fields it declares and no others, each in its own JSON type."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError(["must be an object"])
        takes = {name: f for name, f in self.fields.items() if not f.read_only}
        errors: dict[str, Any] = dict(unknown_fields(data, takes))
        for name, field in takes.items():
            value = data.get(name)
            if value is not None and (
                wrong := _wrong_type(field, value) or _wrong_form(field, value)
            ):
                errors[name] = [wrong]
        kept = {n: v for n, v in data.items() if n in takes and n not in errors}
        try:
            values = super().to_internal_value(kept)
        except ValidationError as error:
            found = error.detail if isinstance(error.detail, dict) else {}
            raise ValidationError({**found, **errors}) from error
        if errors:
            raise ValidationError(errors)
        return values


class FilterSerializer(serializers.Serializer[Any]):
    """Query parameters of a list: unknown ones are refused.

    Those of the page (`limit`, `cursor`, `ordering`) are always known.
    """

    OF_THE_PAGE: ClassVar[tuple[str, ...]] = ("limit", "cursor", "ordering")

    def to_internal_value(self, data: Any) -> Any:
        if errors := unknown_fields(data, (*self.fields, *self.OF_THE_PAGE)):
            raise ValidationError(errors)
        for name in data:
            if not is_storable(data[name]):
                raise ValidationError({name: ["must be readable text"]})
            field = self.fields.get(name)
            if field is not None and (wrong := _wrong_form(field, data[name])):
                raise ValidationError({name: [wrong]})
        return super().to_internal_value(data)


class LineField(serializers.CharField):
    """A text of one line, such as a name: composed form, nothing invisible."""

    def to_internal_value(self, data: Any) -> str:
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if has_controls(text, one_line=True):
            raise ValidationError("must be one line without control characters")
        return text


class TextField(serializers.CharField):
    """A text of many lines: tabs and line ends are its only control characters."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if has_controls(text):
            raise ValidationError("must not hold control characters")
        return text
