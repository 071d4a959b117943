"""The form that starts a workflow, made from the inputs that it declares."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.core.ids import uuid7
from apps.core.types import Json, JsonObject
from apps.workflows.definition.inputs import read_inputs
from apps.workflows.definition.model import Definition, Input

PREFIX = "input."
_AS_TEXT = frozenset({"string", "date", "file"})
_AREAS = frozenset({"array", "object", "any"})
_HINTS = {
    "number": "a number",
    "integer": "a whole number",
    "array": "a list, as JSON",
    "object": "an object, as JSON",
    "any": "a text, or any JSON",
    "date": "a date such as 2026-03-31",
    "file": "the path of a file in the workspace",
}


@dataclass
class RunField:
    """One input on the form."""

    name: str
    is_required: bool
    hint: str
    value: str
    choices: tuple[tuple[str, str], ...]
    is_area: bool
    error: str = ""

    @property
    def field_name(self) -> str:
        return PREFIX + self.name


@dataclass
class RunForm:
    """All inputs, with what was wrong when they were sent.

    Attributes:
        key: makes sending the same form twice start one execution.
        labels: those that the execution gets beside its version's, one a line.
        problems: what is wrong with none of the fields in particular.
    """

    fields: list[RunField]
    key: str = field(default_factory=lambda: str(uuid7()))
    labels: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def needs_answers(self) -> bool:
        """Whether it cannot be sent as it is."""
        return any(one.is_required and not one.value for one in self.fields)


def run_form(definition: Definition, sent: Mapping[str, str] | None = None) -> RunForm:
    """The form of a definition, filled with what was sent, else with defaults."""
    return RunForm([_field(one, sent) for one in definition.inputs])


def filled_form(definition: Definition, values: JsonObject) -> RunForm:
    """The form of a definition, filled with the inputs of an execution."""
    texts = {one.name: _text(values.get(one.name), one) for one in definition.inputs}
    return run_form(definition, texts)


def _field(declared: Input, sent: Mapping[str, str] | None) -> RunField:
    hint = declared.description or _HINTS.get(declared.type, "")
    value = _text(declared.default, declared) if declared.has_default else ""
    if sent is not None:
        value = sent.get(declared.name, "")
    return RunField(
        name=declared.name,
        is_required=declared.required and not declared.has_default,
        hint=hint,
        value=value,
        choices=_choices(declared),
        is_area=declared.type in _AREAS,
    )


def _choices(declared: Input) -> tuple[tuple[str, str], ...]:
    if declared.enum is not None:
        return tuple((_text(one, declared), _label(one)) for one in declared.enum)
    if declared.type == "boolean":
        return (("true", "yes"), ("false", "no"))
    return ()


def _label(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: Json, declared: Input) -> str:
    """A value as the form sends it back."""
    if value is None:
        return ""
    if isinstance(value, str) and declared.type in _AS_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)


def sent_texts(posted: Mapping[str, str]) -> dict[str, str]:
    """The inputs among what a form sent."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in posted.items()
        if name.startswith(PREFIX)
    }


def fill(form: RunForm, texts: Mapping[str, str]) -> None:
    """Put what was sent into the fields."""
    for one in form.fields:
        one.value = texts.get(one.name, one.value)


def inputs_of(definition: Definition, texts: Mapping[str, str]) -> JsonObject:
    """The inputs that the texts mean; fields left empty count as not given."""
    given = {name: text for name, text in texts.items() if text.strip()}
    return read_inputs(definition, given)


def with_errors(form: RunForm, errors: list[dict[str, object]]) -> RunForm:
    """The form with each mistake at its field."""
    by_path = {f"inputs.{one.name}": one for one in form.fields}
    for error in errors:
        message = str(error.get("message", ""))
        place = by_path.get(str(error.get("path", "")))
        if place is None:
            form.problems.append(f"{error.get('path', '')} {message}".strip())
        else:
            place.error = message
    return form
