"""The JSON Schema of a definition, for editors, forms and other programs.

It says what can be said by a schema; `parse` is the judge.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from apps.core.types import Json, JsonObject
from apps.steps import registry
from apps.steps.base import AnyStepType, BlockType
from apps.workflows.definition.fields import DocumentFields, StepFields
from apps.workflows.definition.outline import ROOTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXPRESSION = {"title": "Expression", "type": "string", "pattern": r"\{\{"}
_STEP = {"$ref": "#/$defs/Step"}
# Parts of a schema that describe it and limit nothing.
_NOTES = ("title", "description", "default", "examples")
_durations = TypeAdapter(timedelta)


def step_type_schema(kind: AnyStepType) -> JsonObject:
    """What a plain step takes in `params`, or what keys a block has.

    Wherever a parameter is not a text anyway, an expression may stand for it, but for
    the few that take none.
    """
    if isinstance(kind, BlockType):
        return _schema_of(kind.body_class)
    strict = _schema_of(kind.params_class)
    schema: JsonObject = _loosened(strict)
    for name in kind.literal_params:
        literal = strict["properties"][name]
        schema["properties"][name] = {**literal, "not": EXPRESSION}
    return schema


@lru_cache(maxsize=1)
def definition_schema() -> JsonObject:
    """The schema of a whole definition, with every step type there is."""
    document = _schema_of(DocumentFields)
    shared = _schema_of(StepFields)
    definitions = {**document.pop("$defs", {}), **shared.pop("$defs", {})}
    for root in ROOTS:
        document["properties"][root]["items"] = _STEP
    choices = []
    kinds = registry.all_types()
    for kind in kinds:
        step, inner = _step(kind, shared)
        definitions |= {**inner, f"step.{kind.name}": step}
        is_it = {"properties": {"type": {"const": kind.name}}}
        choices.append({"if": is_it, "then": {"$ref": f"#/$defs/step.{kind.name}"}})
    definitions["Step"] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": [kind.name for kind in kinds]}},
        "allOf": choices,
    }
    return {"$schema": DIALECT, **document, "$defs": definitions}


def _step(kind: AnyStepType, shared: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The schema of a whole step of one type, and those that it refers to."""
    own = step_type_schema(kind)
    prefix = f"{kind.name}."
    inner = {
        prefix + name: _moved(d, prefix) for name, d in own.pop("$defs", {}).items()
    }
    own = _moved(own, prefix)
    properties = dict(shared["properties"])
    required = ["type"]
    if isinstance(kind, BlockType):
        del properties["params"]
        properties |= own["properties"]
        required += own.get("required", [])
    else:
        properties["params"] = own
        required += ["params"] if own.get("required") else []
    properties["type"] = {"const": kind.name}
    return {
        "title": kind.name,
        "description": description(kind),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }, inner


def description(kind: AnyStepType) -> str:
    """What the step type does, in one sentence."""
    return (type(kind).__doc__ or "").strip().split("\n")[0]


def _schema_of(model: type[BaseModel]) -> JsonObject:
    schema: JsonObject = _readable(model.model_json_schema())
    return schema


def _readable(schema: Json) -> Json:
    """Durations' defaults in seconds, since we read no ISO 8601 ones."""
    if isinstance(schema, list):
        return [_readable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _readable(value) for key, value in schema.items()}
    default = made.get("default")
    if isinstance(default, str) and default[:1] == "P" and "anyOf" in made:
        made["default"] = _durations.validate_python(default).total_seconds()
    return made


def _moved(schema: Json, prefix: str) -> Json:
    """The schema with references into the whole definition's `$defs`."""
    if isinstance(schema, list):
        return [_moved(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema == {"title": "Step"}:
        return _STEP
    made = {key: _moved(value, prefix) for key, value in schema.items()}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = made["$ref"].replace("#/$defs/", f"#/$defs/{prefix}", 1)
    if isinstance(made.get("discriminator"), dict):
        del made["discriminator"]  # OpenAPI's; its references would not be moved
    return made


def _loosened(schema: JsonObject) -> JsonObject:
    """The schema with an expression allowed for every value inside the object."""
    made = dict(schema)
    for key in ("properties", "$defs"):
        if isinstance(made.get(key), dict):
            change = _or_expression if key == "properties" else _loosened
            made[key] = {name: change(sub) for name, sub in made[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _or_expression(made[key])
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(made.get(key), list):
            made[key] = [_loosened(sub) for sub in made[key]]
    return made


def _or_expression(schema: JsonObject) -> JsonObject:
    schema = _loosened(schema)
    limits = schema.keys() - set(_NOTES)
    if not limits or (limits == {"type"} and schema["type"] == "string"):
        return schema
    notes: dict[str, Any] = {k: v for k, v in schema.items() if k in _NOTES}
    rest = {k: v for k, v in schema.items() if k not in _NOTES}
    return {**notes, "anyOf": [rest, EXPRESSION]}
