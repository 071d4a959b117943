"""What of a workbook has to change beside the sheet that gets new rows."""

import posixpath
import re
import zipfile

from defusedxml.ElementTree import fromstring

MAX_PART_BYTES = 4 * 1024 * 1024
_CALC = re.compile(rb"<((?:\w+:)?calcPr)\b(?![^>]*\bfullCalcOnLoad=)")
_AREA = re.compile(rb'\bref="(\$?[A-Z]{1,3}\$?\d+):(\$?[A-Z]{1,3})(\$?)(\d+)"')


def changed_parts(
    book: zipfile.ZipFile, sheet: str, last: int, bottom: int, warnings: list[str]
) -> dict[str, bytes]:
    """Parts with new content, by name.

    Tables that end with the last row grow with the new ones, and programs are told
    to calculate again what formulas say.

    Args:
        sheet: name of the sheet's part.
        last: number of the last filled row before.
        bottom: number of the last filled row now.
        warnings: gets what cannot be kept right.
    """
    changed = {}
    names = set(book.namelist())
    for part in _tables(book, sheet, names):
        content = _small(book, part)
        if content is None or b"totalsRowCount=" in content:
            warnings.append("A table with a row of totals does not grow.")
        elif (grown := _grown(content, last, bottom)) != content:
            changed[part] = grown
    if "xl/workbook.xml" in names and (content := _small(book, "xl/workbook.xml")):
        changed["xl/workbook.xml"] = _CALC.sub(rb'<\1 fullCalcOnLoad="1"', content, 1)
    if any(name.startswith("_xmlsignatures/") for name in names):
        warnings.append("The workbook was signed; its signature does not hold now.")
    return changed


def _tables(book: zipfile.ZipFile, sheet: str, names: set[str]) -> list[str]:
    folder, name = posixpath.split(sheet)
    relations = f"{folder}/_rels/{name}.rels"
    content = _small(book, relations) if relations in names else None
    if content is None:
        return []
    found = []
    for relation in fromstring(content):
        if str(relation.get("Type", "")).endswith("/table"):
            goal = str(relation.get("Target", ""))
            part = posixpath.normpath(posixpath.join("/", folder, goal)).lstrip("/")
            found.extend([part] if part in names else [])
    return found


def _grown(content: bytes, last: int, bottom: int) -> bytes:
    """The table's XML with its area down to `bottom`, if it ended with `last`."""

    def grow(match: re.Match[bytes]) -> bytes:
        if int(match[4]) != last:
            return match[0]
        return b'ref="%s:%s%s%d"' % (match[1], match[2], match[3], bottom)

    return _AREA.sub(grow, content)


def _small(book: zipfile.ZipFile, part: str) -> bytes | None:
    """The part's content, None when it is larger than such a part ever is."""
    if book.getinfo(part).file_size > MAX_PART_BYTES:
        return None
    return book.read(part)
