"""Declared inputs: what a definition asks for, and checking what it is given."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from apps.core.paths import Path
from apps.core.types import Json, JsonObject
from apps.workflows.definition.fields import InputFields
from apps.workflows.definition.model import Definition, Input
from apps.workflows.definition.problems import Problems, did_you_mean, quoted
from apps.workflows.definition.shape import check_json

LONGEST_TEXT = 64 * 1024  # for dates and files, which are short by nature


def build_input(name: str, fields: InputFields, at: Path, problems: Problems) -> Input:
    """One declared input; notes a default or choice that does not fit its type."""
    declared = Input(
        name=name,
        type=fields.type,
        required=fields.required,
        default=fields.default,
        has_default="default" in fields.model_fields_set,
        description=fields.description,
        enum=None if fields.enum is None else tuple(fields.enum),
    )
    for index, choice in enumerate(declared.enum or ()):
        if problem := _misfit(choice, declared.type):
            problems.add((*at, "enum", index), problem)
    if declared.has_default:
        if problem := _mistake(declared.default, declared):
            problems.add((*at, "default"), problem)
        elif "{{" in json.dumps(declared.default):
            problems.add((*at, "default"), "takes no expression")
    return declared


def check_inputs(definition: Definition, inputs: object) -> JsonObject:
    """The inputs that an execution starts with: those given, then the defaults.

    A definition that declares no inputs takes any.

    Raises:
        Invalid: with one entry for each input that is unknown, missing or wrong.
    """
    problems = Problems()
    complete: JsonObject = {}
    if not isinstance(inputs, dict):
        problems.add(("inputs",), "must be an object")
    elif check_json(inputs, problems, at=("inputs",)):
        complete = dict(inputs)
        if definition.inputs:
            complete = _with_defaults(definition, inputs, problems)
    problems.raise_if_any("The inputs are not valid.")
    return complete


def read_inputs(definition: Definition, texts: Mapping[str, str]) -> JsonObject:
    """Inputs from texts such as a command line's, read by their declared types.

    What cannot be read so stays a text, for `check_inputs` to refuse by name.
    """
    types = {declared.name: declared.type for declared in definition.inputs}
    return {k: _read(text, types.get(k, "string")) for k, text in texts.items()}


def _read(text: str, type_: str) -> Json:
    if type_ in ("string", "date", "file"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with_defaults(
    definition: Definition, inputs: JsonObject, problems: Problems
) -> JsonObject:
    declared = {one.name: one for one in definition.inputs}
    for name in inputs.keys() - declared.keys():
        message = f"unknown input {quoted(name)}{did_you_mean(name, declared)}"
        problems.add(("inputs", name), message)
    complete: JsonObject = {}
    for name, one in declared.items():
        at: Path = ("inputs", name)
        if name not in inputs:
            if one.has_default:
                complete[name] = one.default
            elif one.required:
                problems.add(at, "is required")
            else:
                complete[name] = None
        elif inputs[name] is None and not one.required:
            complete[name] = None
        elif problem := _mistake(inputs[name], one):
            problems.add(at, problem)
        else:
            complete[name] = inputs[name]
    return complete


def _mistake(value: Json, declared: Input) -> str | None:
    if problem := _misfit(value, declared.type):
        return problem
    if declared.enum is not None and value not in declared.enum:
        choices = ", ".join(quoted(choice) for choice in declared.enum[:10])
        return f"must be one of {choices}"
    return None


def _misfit(value: Json, type_: str) -> str | None:
    fits, words = _TYPES[type_]
    return None if fits(value) else f"must be {words}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return False
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            parse(value)
        except ValueError:
            continue
        return True
    return False


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT


_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "a text"),
    "number": (_is_number, "a number"),
    "integer": (_is_integer, "a whole number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "array": (lambda value: isinstance(value, list), "a list"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "any": (lambda value: True, "anything"),
    "date": (_is_date, "a date such as 2026-03-31, or a date and time"),
    "file": (_is_file, "the path of a file in the workspace"),
}
