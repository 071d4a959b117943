"""Puts pages of PDF files together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure, RpaError
from apps.core.types import JsonObject
from apps.steps.pdf.opening import naming_damage, open_pdf
from apps.steps.pdf.pages import chosen_pages

if TYPE_CHECKING:
    from pypdf import PdfWriter

MAX_PAGES = 5_000


def join_pdfs(
    sources: Sequence[tuple[str, str, str | None, str | None]], target: str
) -> JsonObject:
    """Write the pages of all sources, one after the other, to the file `target`.

    Args:
        sources: for each its path, the name that errors give it, the pages (None: all
            of them), and its password if it has one.

    Returns: `{pages}`, how many there are.

    Raises:
        PermanentFailure: `not_pdf`, `encrypted`, `wrong_password`, `page_not_found`,
            `too_many_pages` or `too_large`; names the source.
    """
    from pypdf import PdfWriter

    with PdfWriter() as writer:
        for path, name, pages, password in sources:
            try:
                _append(writer, path, pages, password)
            except RpaError as error:
                raise PermanentFailure(f"{name}: {error}", code=error.code) from error
        with naming_damage():
            writer.write(target)
        return {"pages": len(writer.pages)}


def _append(
    writer: "PdfWriter", path: str, pages: str | None, password: str | None
) -> None:
    with naming_damage():
        reader = open_pdf(path, password)
        chosen = chosen_pages(pages, len(reader.pages))
        if len(writer.pages) + len(chosen) > MAX_PAGES:
            raise PermanentFailure(
                f"There would be more than {MAX_PAGES} pages.", code="too_many_pages"
            )
        writer.append(reader, pages=chosen)
