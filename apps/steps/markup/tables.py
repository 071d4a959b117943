"""Tables as rows by the names of their columns."""

from collections.abc import Iterator
from typing import Any

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.markup.fields import FieldSpec

MAX_SPAN = 1_000
MAX_CELLS = 500_000
# Its own lines; or those of the first table inside, for what lies around one.
_LINES = {
    "primary": "xpath=./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr",
    "fallbacks": ["xpath=(.//table)[1]/tr | (.//table)[1]/*/tr"],
}
# Reads a table's lines as `rows_of` takes them.
LINES = FieldSpec.model_validate(
    {
        "target": _LINES,
        "many": True,
        "fields": {
            "head": {"target": "xpath=self::tr[parent::thead]", "many": True},
            "names": {"target": "xpath=./th", "many": True},
            "cells": {
                "target": "xpath=./th | ./td",
                "many": True,
                "fields": {
                    "text": {},
                    "right": {"attribute": "colspan"},
                    "down": {"attribute": "rowspan"},
                },
            },
        },
    }
)


def rows_of(lines: list[Any]) -> list[JsonObject]:
    """A row for each line below the head, by the names in the head.

    The head is what lies in `thead`, else the first lines that have nothing but `th`.
    A column without a name is called `column 3`, a name that comes again `Price 2`.
    A cell that spans lines or columns stands in each of them.

    Raises:
        PermanentFailure: `no_table`, there are no lines; `too_much_data`.
    """
    if not lines:
        raise PermanentFailure("There is no table.", code="no_table")
    grid = [*_spread(lines)]
    head = _head_length(lines)
    width = max(map(len, grid))
    names = _names(grid[:head], width)
    filled = (line for line in grid[head:] if any(line))
    return [dict(zip(names, _padded(line, width), strict=True)) for line in filled]


def _head_length(lines: list[Any]) -> int:
    if inside := sum(bool(line["head"]) for line in lines):
        return inside
    for at, line in enumerate(lines):
        if len(line["names"]) != len(line["cells"]):
            return at
    return len(lines)


def _spread(lines: list[Any]) -> Iterator[list[Json]]:
    """The texts of each line, with those that reach into it from elsewhere."""
    above: dict[int, tuple[int, Json]] = {}
    left = MAX_CELLS
    for line in lines:
        made: list[Json] = []
        cells = iter(line["cells"])
        while True:
            if (found := above.pop(len(made), None)) is not None:
                rest, text = found
                if rest > 1:
                    above[len(made)] = (rest - 1, text)
                made.append(text)
            elif (cell := next(cells, None)) is not None:
                for _ in range(_span(cell["right"])):
                    if (down := _span(cell["down"])) > 1:
                        above[len(made)] = (down - 1, cell["text"])
                    made.append(cell["text"])
            elif any(at > len(made) for at in above):
                made.append("")
            else:
                break
            if (left := left - 1) < 0 or len(made) > MAX_CELLS:
                message = "The table has more cells than a step may read at once."
                raise PermanentFailure(message, code="too_much_data")
        yield made


def _span(value: Json) -> int:
    text = str(value or "").strip()
    return min(max(int(text), 1), MAX_SPAN) if text.isascii() and text.isdigit() else 1


def _padded(line: list[Json], width: int) -> list[Json]:
    return [*line, *[None] * (width - len(line))]


def _names(head: list[list[Json]], width: int) -> list[str]:
    names: list[str] = []
    for at in range(width):
        texts = (" ".join(str(line[at]).split()) for line in head if at < len(line))
        # A cell that spans the lines of the head is there once.
        name = " ".join(dict.fromkeys(filter(None, texts))) or f"column {at + 1}"
        count, free = 2, name
        while free in names:
            free, count = f"{name} {count}", count + 1
        names.append(free)
    return names
