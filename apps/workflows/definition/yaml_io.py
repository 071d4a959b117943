"""Definitions as files: YAML or JSON, out and in again without a change."""

import json
from typing import Literal

from apps.core.documents import Marks, load_json
from apps.core.types import Json, JsonObject
from apps.core.yaml_documents import dump_yaml, load_yaml
from apps.workflows.definition.shape import MOST_JSON_LEVELS

Format = Literal["yaml", "json"]
CONTENT_TYPES = {"yaml": "application/yaml", "json": "application/json"}


def export(document: JsonObject, format_: Format) -> str:
    """The document as text, its keys in the order in which they were written."""
    if format_ == "yaml":
        return dump_yaml(document)
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def read(text: str, format_: Format) -> tuple[Json, Marks]:
    """The document in a text, and where its parts stand.

    Raises:
        Invalid: the text is not of that format.
    """
    load = load_yaml if format_ == "yaml" else load_json
    return load(text, max_depth=MOST_JSON_LEVELS)
