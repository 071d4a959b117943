"""The text that an author wrote, kept with the document for its comments."""

import json
import re

from apps.core.documents import Marks
from apps.core.errors import Invalid
from apps.core.types import Json, JsonObject
from apps.core.yaml_documents import load_yaml
from apps.workflows.definition.outline import find_steps, value_at
from apps.workflows.definition.shape import MOST_JSON_LEVELS

# A name on one line: quoted, or plain up to a comment.
_NAME_LINE = re.compile(
    r"""name:[ ]+(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'\s].*?)(?=\s+\#|\s*$)"""
)


def kept_source(text: str, document: JsonObject) -> str:
    """The YAML text with what saving added to the document; empty where it cannot be.

    Ids that were made for steps, and a name given from outside, are written into the
    text. It is kept only if it then means exactly the document: a text that says
    something else than what runs would mislead.
    """
    if not text:
        return ""
    try:
        value, marks = _read(text)
        lines = text.removeprefix("\ufeff").split("\n")
        _add_ids(lines, marks, value, document)
        _rename(lines, value, document)
        changed = "\n".join(lines)
        meaning = value if changed == text else _read(changed)[0]
    except Invalid:
        return ""
    if isinstance(meaning, dict) and "name" not in meaning:
        meaning = {**meaning, "name": document.get("name")}
    return changed if meaning == document else ""


def _read(text: str) -> tuple[Json, Marks]:
    return load_yaml(text, max_depth=MOST_JSON_LEVELS)


def _add_ids(lines: list[str], marks: Marks, value: Json, document: JsonObject) -> None:
    if not isinstance(value, dict):
        return
    places = []
    for step in find_steps(value):
        if "id" not in step.raw and step.path in marks:
            saved = value_at(document, step.path)
            if isinstance(saved, dict):
                places.append((marks[step.path], saved.get("id")))
    # From the end, so that no insertion moves the place of another.
    for (line, column), made in sorted(places, reverse=True):
        at = column - 1
        before, after = lines[line - 1][:at], lines[line - 1][at:]
        if after.startswith("{"):
            added = f"{{id: {made}, {after[1:].lstrip()}"
        else:
            added = f"id: {made}\n{' ' * at}{after}"
        lines[line - 1] = before + added


def _rename(lines: list[str], value: Json, document: JsonObject) -> None:
    if not isinstance(value, dict) or value.get("name") in (None, document.get("name")):
        return
    quoted = json.dumps(document.get("name"), ensure_ascii=False)
    for number, line in enumerate(lines):
        if line.startswith("name:"):
            lines[number] = _NAME_LINE.sub(lambda _: f"name: {quoted}", line, count=1)
            return
