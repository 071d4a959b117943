"""Giving errors the lines of the text that a document was read from."""

import re
from collections.abc import Mapping

from apps.core.documents import Mark, Marks
from apps.core.errors import Invalid
from apps.core.paths import format_path

_LAST_PART = re.compile(r"(?:\.?[^.\[\]]+|\[(?:'[^']*'|\"[^\"]*\"|\d+)\])$")


def with_lines(error: Invalid, marks: Marks) -> Invalid:
    """The error, its entries having `line` and `column` (from 1) of the text.

    What is missing has no line of its own; it gets that of what it is missing in.
    """
    lines = {format_path(path): mark for path, mark in marks.items()}
    for entry in error.errors:
        if "line" not in entry and (mark := _find(str(entry["path"]), lines)):
            entry["line"], entry["column"] = mark
    return error


def _find(path: str, lines: Mapping[str, Mark]) -> Mark | None:
    while path not in lines:
        shorter = _LAST_PART.sub("", path)
        if shorter == path:
            return None
        path = shorter
    return lines[path]
