"""Rows as a sheet's XML, in the styles of the rows that are there."""

from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from apps.core.types import Json
from apps.steps.sheets.headers import column_letter
from apps.steps.sheets.outline import Outline, PlainRow
from apps.steps.sheets.writing import as_moment, simple


class Styles:
    """What the cell styles of a workbook mean, by their number."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._epoch = sheet.parent.epoch
        self._kinds: dict[str, str | None] = {}

    def serial(self, style: str | None, value: Json) -> float | None:
        """The number that a date is for Excel, where the style shows dates.

        Args:
            value: a text in ISO 8601, or anything else, which is no date.
        """
        from openpyxl.utils import datetime as dates

        if style is None or not isinstance(value, str) or not self._shows_dates(style):
            return None
        moment = as_moment(value)
        to_excel: Any = dates.to_excel
        return None if moment is None else float(to_excel(moment, self._epoch))

    def _shows_dates(self, style: str) -> bool:
        from openpyxl.cell.read_only import ReadOnlyCell
        from openpyxl.styles.numbers import is_datetime

        if style not in self._kinds:
            try:
                cell = ReadOnlyCell(self._sheet, 1, 1, None, "n", int(style))
                self._kinds[style] = is_datetime(cell.number_format)
            except LookupError:
                self._kinds[style] = None
        return self._kinds[style] in ("date", "datetime")


def rows_xml(
    rows: Sequence[Sequence[Json]], found: Outline, styles: Styles
) -> Iterator[bytes]:
    """The new rows, numbered on from the last filled one.

    Each takes the styles of the empty row in its place, else those of the last
    filled row.
    """
    prepared = {row.number: row for row in found.prepared}
    for number, cells in enumerate(rows, found.last + 1):
        place: PlainRow | None = prepared.get(number)
        by_column = place.styles if place and place.styles else found.styles
        yield _row(found.prefix, number, cells, by_column, styles).encode()


def _row(
    prefix: str,
    number: int,
    cells: Sequence[Json],
    by_column: dict[int, str],
    styles: Styles,
) -> str:
    width = max([len(cells), *by_column])
    made = []
    for column in range(1, width + 1):
        value = cells[column - 1] if column <= len(cells) else None
        style = by_column.get(column)
        serial = styles.serial(style, value)
        place = f"{column_letter(column - 1)}{number}"
        content = simple(value) if serial is None else serial
        made.append(_cell(prefix, place, style, content))
    return f'<{prefix}row r="{number}">{"".join(made)}</{prefix}row>'


def _cell(
    prefix: str, place: str, style: str | None, value: str | int | float | bool | None
) -> str:
    look = "" if style is None else f' s="{style}"'
    head = f'<{prefix}c r="{place}"{look}'
    if value is None:
        return f"{head}/>" if look else ""
    if isinstance(value, bool):
        return f'{head} t="b"><{prefix}v>{int(value)}</{prefix}v></{prefix}c>'
    if isinstance(value, int | float):
        return f"{head}><{prefix}v>{value!r}</{prefix}v></{prefix}c>"
    # Texts stand in the cell itself, so that no formula can come of one.
    text = escape(value)
    return (
        f'{head} t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">{text}'
        f"</{prefix}t></{prefix}is></{prefix}c>"
    )
