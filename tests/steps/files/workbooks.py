"""Workbooks for tests, good and hostile ones."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from openpyxl import Workbook

_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels"
 ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType=
"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
</Types>"""
_RELS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="{target}" Type=
"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/>
</Relationships>"""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_BOOK = f"""<?xml version="1.0"?>
<workbook xmlns="{_MAIN}" xmlns:r=
"http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>"""


def workbook(*rows: list[Any], **sheets: list[list[Any]]) -> bytes:
    """A workbook with the rows on the sheet `One`, and more sheets by name."""
    book = Workbook()
    book.active.title = "One"
    for row in rows:
        book.active.append(row)
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def by_hand(data: str, *, before: str = "", attributes: str = "", **more: Any) -> bytes:
    """A workbook with this XML inside its one sheet's `sheetData`.

    Args:
        before: stands in front of the sheet's root, for example a DTD.
        attributes: XML in front of `sheetData`.
        more: what else is zipped: content by name.
    """
    sheet = (
        f'<?xml version="1.0"?>{before}<worksheet xmlns="{_MAIN}">{attributes}'
        f"<sheetData>{data}</sheetData></worksheet>"
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELS.format(target="xl/workbook.xml", kind="officeDocument"),
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _RELS.format(target="s.xml", kind="worksheet"),
        "xl/s.xml": sheet,
    }
    return zipped(parts | more)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip archive with the parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()
