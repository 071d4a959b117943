"""Rows of cells become a table with named columns, and no larger than wanted."""

from collections.abc import Iterator
from typing import NamedTuple

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.sheets.headers import column_letter, name_columns

MAX_CELLS = 2_000_000
MAX_COLUMNS = 16_384
Bounds = tuple[int | None, int | None, int | None, int | None]


class Selection(NamedTuple):
    """Which part of a sheet is wanted.

    Attributes:
        header: whether the first row that is not empty names the columns.
        bounds: first column, first row, last column, last row, from 1; None is open.
        max_rows: how many rows, the header not counted.
    """

    header: bool
    bounds: Bounds
    max_rows: int


def table(
    rows: Iterator[list[Json]], wanted: Selection, warnings: list[str]
) -> JsonObject:
    """`{rows, columns, truncated}` of the wanted rows; no more of them are read.

    Args:
        rows: those within the bounds that are not empty, see `filled`.
        warnings: gets what was odd about them.
    """
    first = next(rows, []) if wanted.header else []
    found: list[list[Json]] = []
    is_cut = False
    for row in rows:
        if len(found) >= wanted.max_rows:
            is_cut = True
            break
        found.append(row)
    columns = _columns(wanted, first, found, warnings)
    if is_cut:
        warnings.append(
            f"The sheet has more than {wanted.max_rows} rows; the rest is left."
        )
    return {
        "rows": [
            dict(zip(columns, row + [None] * (len(columns) - len(row)), strict=True))
            for row in found
        ],
        "columns": columns,
        "truncated": is_cut,
    }


def filled(rows: Iterator[list[Json]]) -> Iterator[list[Json]]:
    """The rows that are not empty, without the empty cells at their ends.

    Raises:
        PermanentFailure: `too_many_cells`.
    """
    cells = 0
    for values in rows:
        while values and values[-1] in (None, ""):
            values.pop()
        if not values:
            continue
        cells += len(values)
        if cells > MAX_CELLS or len(values) > MAX_COLUMNS:
            raise PermanentFailure(
                f"The sheet has more than {MAX_CELLS} cells; give a `range`.",
                code="too_many_cells",
            )
        yield values


def _columns(
    wanted: Selection, first: list[Json], found: list[list[Json]], warnings: list[str]
) -> list[str]:
    start = (wanted.bounds[0] or 1) - 1
    width = max(map(len, [first, *found]), default=0)
    if wanted.header:
        return name_columns(first, width, start, warnings)
    return [column_letter(start + at) for at in range(width)]
