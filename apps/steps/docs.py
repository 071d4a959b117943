"""The reference of all step types as Markdown, made from the types themselves."""

import inspect
import json
import textwrap
from collections.abc import Iterator

from apps.core.expressions import reference_markdown
from apps.core.types import Json, JsonObject
from apps.steps import registry
from apps.steps.base import AnyStepType, BlockType, Effect

GROUP_TITLES = {
    "logic": "Logic",
    "data": "Data",
    "http": "HTTP",
    "messaging": "Messages",
    "files": "Files",
    "documents": "Documents",
    "browser": "Browser",
}
_EFFECTS = {
    Effect.NONE: "computes only",
    Effect.READ: "reads something outside, or goes to a place in the browser",
    Effect.PAGE: "changes the open page only",
    Effect.WRITE: "changes something outside",
}
# Described once, as many step types take one.
_SHARED = frozenset({"Target"})
_SAME = {
    "timeout": "The longest time it may take.",
    "headers": "Headers by name.",
    "url": "The address, http or https.",
    "text": "The text.",
    "name": "The name.",
    "max_rows": "The most rows that are read.",
}
_INTRO = """\
# Step reference

This page is made by `python3 manage.py docs_steps` from the step types themselves.

Every step has a `type` and, as it needs, `params`. Any param may hold expressions
(see the end of this page). All steps also take `id`, `name`, `if`, `retry`, `timeout`,
`mock`, `on_error`, `on_crash`, `save_as` and `disabled`. Blocks, which have steps
inside them, carry their keys beside `type` and not in `params`.

Durations are seconds, or texts such as `500ms`, `30s`, `5m`, `2h`, `1d`. A `target`
says which element of a page is meant: CSS, `xpath=…`, `text=…`, `label=…`,
`role=button[name="Save"]`, `placeholder=…` or `testid=…`; or a mapping `{primary,
fallbacks, frame}`, where `fallbacks` are tried in turn and `frame` leads to an
`iframe`. `selector` is another name for it.
"""


def reference() -> str:
    """The whole page."""
    registry.load()
    kinds = registry.all_types()
    groups = [
        group for group in registry.GROUPS if any(k.group == group for k in kinds)
    ]
    parts = [_INTRO, _contents(kinds, groups)]
    for group in groups:
        parts.append(f"## {GROUP_TITLES[group]}\n")
        parts.extend(_section(kind) for kind in kinds if kind.group == group)
    parts.append(textwrap.dedent(reference_markdown()).replace("\n#", "\n##"))
    parts[-1] = "#" + parts[-1]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def documentation(kind: AnyStepType) -> tuple[str, str]:
    """What people should know of a step type, and an example in YAML or nothing."""
    text = inspect.getdoc(type(kind)) or ""
    about, _, example = text.partition("\nExample:\n")
    return about.strip(), textwrap.dedent(example).strip()


def schema_of(kind: AnyStepType) -> JsonObject:
    """The JSON Schema of its params, or of a block's own keys, every one described."""
    fields = kind.body_class if isinstance(kind, BlockType) else kind.params_class
    schema = fields.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        _describe(part)
    return schema


def _describe(schema: JsonObject) -> None:
    """Fill in descriptions that stand in the class's docstring or are the same for all.

    A docstring describes fields below `Attributes:` as `name: text`.
    """
    about, _, rest = str(schema.get("description", "")).partition("\n\nAttributes:\n")
    schema["description"] = about
    texts: dict[str, str] = {}
    current = ""
    for line in textwrap.dedent(rest).splitlines():
        if line.startswith(" "):
            texts[current] = f"{texts.get(current, '')} {line.strip()}"
        else:
            current, _, text = line.partition(": ")
            texts[current] = text[:1].upper() + text[1:]
    for name, field in schema.get("properties", {}).items():
        field.setdefault("description", texts.get(name, _SAME.get(name, "")))


def _contents(kinds: list[AnyStepType], groups: list[str]) -> str:
    lines = []
    for group in groups:
        names = ", ".join(f"[`{k.name}`](#{k.name})" for k in kinds if k.group == group)
        lines.append(f"- {GROUP_TITLES[group]}: {names}")
    lines.append("- [Expressions](#expressions)")
    return "\n".join(lines)


def _section(kind: AnyStepType) -> str:
    about, example = documentation(kind)
    schema = schema_of(kind)
    parts = [f"### {kind.name}", about, _facts(kind), *_tables(kind, schema)]
    if example:
        parts.append(f"```yaml\n{example}\n```")
    return "\n\n".join(parts) + "\n"


def _facts(kind: AnyStepType) -> str:
    """What the engine goes by."""
    if isinstance(kind, BlockType):
        return "Block with steps inside."
    facts = [f"Effect: `{kind.effect.value}` ({_EFFECTS[kind.effect]})."]
    if kind.effect is Effect.WRITE:
        again = "is repeated under the same key" if kind.keyed else kind.on_crash.value
        facts.append(f"After a crash: {again}.")
    if kind.timeout is not None:
        facts.append(f"Time limit: {kind.timeout.total_seconds():g} s.")
    if kind.needs_browser:
        facts.append("Uses the browser.")
    return " ".join(facts)


def _tables(kind: AnyStepType, schema: JsonObject) -> Iterator[str]:
    """A table for the params, and one for each kind of mapping inside them."""
    noun = "key" if isinstance(kind, BlockType) else "param"
    if not schema.get("properties"):
        yield "It takes no params."
        return
    yield _table(noun, schema)
    for name, inner in _inner(schema):
        yield f"**{name}**: {_first_line(inner)}\n\n{_table('key', inner)}"


def _inner(schema: JsonObject) -> list[tuple[str, JsonObject]]:
    return [
        (name, inner)
        for name, inner in schema.get("$defs", {}).items()
        if name not in _SHARED and inner.get("properties")
    ]


def _first_line(schema: JsonObject) -> str:
    return str(schema.get("description", "")).partition("\n")[0]


def _table(noun: str, schema: JsonObject) -> str:
    lines = [f"| {noun} | value | default | |", "| --- | --- | --- | --- |"]
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        default = "*required*" if name in required else _default(field)
        about = _cell(str(field.get("description", "")))
        lines.append(
            f"| `{name}` | {_cell(_kind(field))} | {_cell(default)} | {about} |"
        )
    return "\n".join(lines)


def _default(field: JsonObject) -> str:
    value = field.get("default")
    if value in (None, "", [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if text.startswith("PT") and text.endswith("S"):
        text = text[2:-1].lower() + "s"
    return f"`{text}`"


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "mapping",
    "null": "null",
}


def _kind(field: JsonObject) -> str:
    """What a value may be, in few words."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return "target" if name in _SHARED else f"**{name}**"
    if "enum" in field:
        return ", ".join(f"`{_literal(value)}`" for value in field["enum"])
    if "const" in field:
        return f"`{_literal(field['const'])}`"
    if alternatives := field.get("anyOf") or field.get("oneOf"):
        kinds = [_kind(one) for one in alternatives if one.get("type") != "null"]
        return _joined(list(dict.fromkeys(kinds)))
    return _typed(field)


def _typed(field: JsonObject) -> str:
    kind = field.get("type")
    if kind == "array":
        items = field.get("items") or {}
        return "steps" if items.get("title") == "Step" else f"list of {_kind(items)}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping of names to {_kind(field['additionalProperties'])}"
    if kind == "string" and field.get("format") in ("date-time", "date", "duration"):
        return {"date-time": "time", "duration": "duration"}.get(
            field["format"], "date"
        )
    return _WORDS.get(str(kind), "any value")


def _joined(kinds: list[str]) -> str:
    """The alternatives; the two forms of a duration and of a target are one word."""
    if "target" in kinds:
        return "target"
    return " or ".join(kinds) or "any value"


def _literal(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
