"""Reads text, tables, facts and form fields of a PDF file."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.pdf.opening import naming_damage, not_pdf, open_pdf
from apps.steps.pdf.pages import chosen_pages
from apps.steps.sheets.reading import DAMAGE

if TYPE_CHECKING:
    from pypdf import PdfReader

TextMode = Literal["plain", "layout", "none"]
MAX_TEXT = 4_000_000
MAX_CELLS = 500_000
MAX_CONTENT_BYTES = 20 * 1024 * 1024
MAX_FIELDS = 5_000
_MAX_FACT = 2_000
_FACTS = ("title", "author", "subject", "keywords", "creator", "producer")
_MOMENTS = {"created": "creation_date", "modified": "modification_date"}
# What neither JSON in the database nor a text can hold.
_UNFIT = re.compile("[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")


def read_document(
    path: str,
    pages: str | None,
    password: str | None,
    text: TextMode,
    tables: bool,
    max_pages: int,
) -> JsonObject:
    """What is on the pages of a document, and what is known of the document.

    Args:
        pages: such as `1-3, 5`; all of them without it.
        text: how it is read, if at all.
        max_pages: the pages above are left, with a warning.

    Returns: `{page_count, pages, metadata, fields, truncated, warnings}`; each page is
        `{number, text, tables}`.

    Raises:
        PermanentFailure: `not_pdf`, `encrypted`, `wrong_password`, `page_not_found`,
            `too_much_text`, `too_many_cells` or `too_large`.
    """
    warnings: list[str] = []
    with naming_damage():
        reader = open_pdf(path, password)
        count = len(reader.pages)
        chosen = chosen_pages(pages, count)
        kept = chosen[:max_pages]
        if len(chosen) > max_pages:
            warnings.append(f"Only {max_pages} of {len(chosen)} pages were read.")
        found: list[JsonObject] = [{"number": at + 1} for at in kept]
        if tables or text != "none":
            _check_contents(reader, kept)
        if text != "none":
            _add_text(reader, found, text)
        if tables:
            _add_tables(path, password, found)
        return {
            "page_count": count,
            "pages": found,
            "metadata": _facts(reader),
            "fields": _fields(reader),
            "truncated": len(chosen) > max_pages,
            "warnings": warnings,
        }


def _check_contents(reader: "PdfReader", pages: list[int]) -> None:
    """Pass when what draws the pages has a size that can be read in time."""
    for at in pages:
        content = reader.pages[at].get_contents()
        if content is not None and len(content.get_data()) > MAX_CONTENT_BYTES:
            raise PermanentFailure(
                f"Page {at + 1} unpacks to more than"
                f" {MAX_CONTENT_BYTES // 1024**2} MiB.",
                code="too_large",
            )


def _add_text(reader: "PdfReader", found: list[JsonObject], mode: TextMode) -> None:
    size = 0
    for page in found:
        source = reader.pages[page["number"] - 1]
        text = source.extract_text(
            extraction_mode="layout" if mode == "layout" else "plain"
        )
        size += len(text)
        if size > MAX_TEXT:
            raise PermanentFailure(
                f"The text has more than {MAX_TEXT:,} characters: give `pages`.",
                code="too_much_text",
            )
        page["text"] = _clean(text)


def _add_tables(path: str, password: str | None, found: list[JsonObject]) -> None:
    import pdfplumber
    from pdfminer.pdfexceptions import PDFException
    from pdfminer.psexceptions import PSException
    from pdfplumber.utils.exceptions import PdfminerException

    cells = 0
    try:
        with pdfplumber.open(path, password=password or "") as document:
            for page in found:
                source = document.pages[page["number"] - 1]
                page["tables"] = [_table(table) for table in source.extract_tables()]
                source.close()
                cells += sum(len(row) for table in page["tables"] for row in table)
                if cells > MAX_CELLS:
                    raise PermanentFailure(
                        f"The tables have more than {MAX_CELLS:,} cells: give `pages`.",
                        code="too_many_cells",
                    )
    except (PdfminerException, PDFException, PSException) as error:
        raise not_pdf(f"it is damaged ({type(error).__name__})") from error


def _table(rows: list[list[str | None]]) -> list[list[str | None]]:
    return [[None if cell is None else _clean(cell) for cell in row] for row in rows]


def _facts(reader: "PdfReader") -> JsonObject:
    """The document's own words about itself, as far as they can be read."""
    found = _tried(lambda: reader.metadata)
    facts: JsonObject = {
        name: _short(_tried(partial(getattr, found, name, None))) for name in _FACTS
    }
    for name, attribute in _MOMENTS.items():
        moment = _tried(partial(getattr, found, attribute, None))
        facts[name] = moment.isoformat() if isinstance(moment, datetime) else None
    return facts


def _tried(read: Callable[[], Any]) -> Any:
    """What it gives; a fact that is damaged is none, and no reason to fail."""
    from pypdf.errors import PyPdfError

    try:
        return read()
    except (PyPdfError, *DAMAGE):
        return None


def _short(value: object) -> str | None:
    return None if value is None else _clean(str(value))[:_MAX_FACT]


def _fields(reader: "PdfReader") -> JsonObject:
    """The values of form fields by name; choices and boxes without their slash."""
    fields = _tried(reader.get_fields) or {}
    if len(fields) > MAX_FIELDS:
        return {}
    return {
        _clean(str(name)): _value(field.get("/V")) for name, field in fields.items()
    }


def _value(value: Any) -> Json:
    if value is None:
        return None
    if isinstance(value, list):
        return [_value(one) for one in value]
    return _clean(str(value)).removeprefix("/")


def _clean(text: str) -> str:
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
