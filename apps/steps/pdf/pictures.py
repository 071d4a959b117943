"""Pages of scans as pictures that are safe to hand to other programs.

Runs in a short-lived process. Whatever the file was, what comes out is a grey PNG of
bounded size that was drawn anew.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.steps.pdf.opening import naming_damage, open_pdf
from apps.steps.pdf.pages import chosen_pages
from apps.steps.sheets.reading import DAMAGE

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_HEAD_BYTES = 1024


def draw_pages(
    path: str,
    folder: str,
    pages: str | None,
    password: str | None,
    dpi: int,
    max_pages: int,
) -> JsonObject:
    """Draw the pages of a PDF file, or the pictures in an image file, as PNG files.

    Args:
        folder: where the PNG files go.
        pages: such as `1-3, 5`; all of them without it.
        dpi: dots per inch for pages of a PDF.

    Returns: `{files, page_count, truncated}`; each of `files` is `{number, file}`.

    Raises:
        PermanentFailure: `not_picture`, `not_pdf`, `encrypted`, `wrong_password`,
            `page_not_found` or `picture_too_large`.
    """
    with open(path, "rb") as file:
        is_pdf = b"%PDF-" in file.read(_HEAD_BYTES)
    if is_pdf:
        with naming_damage():
            count = len(open_pdf(path, password).pages)
            chosen = chosen_pages(pages, count)
            drawn = _drawn(path, password or "", chosen[:max_pages], dpi)
            files = _saved(drawn, folder)
    else:
        with _naming_damage():
            count = _frames(path)
            chosen = chosen_pages(pages, count)
            files = _saved(_pictures(path, chosen[:max_pages]), folder)
    is_cut = len(chosen) > max_pages
    return {"files": files, "page_count": count, "truncated": is_cut}


def _saved(drawn: Iterator[tuple[int, "Image.Image"]], folder: str) -> list[JsonObject]:
    files: list[JsonObject] = []
    for at, picture in drawn:
        target = os.path.join(folder, f"{len(files)}.png")
        picture.save(target, "PNG")
        files.append({"number": at + 1, "file": target})
    return files


def _drawn(
    path: str, password: str, pages: list[int], dpi: int
) -> Iterator[tuple[int, "Image.Image"]]:
    import pypdfium2

    document = pypdfium2.PdfDocument(path, password=password)
    try:
        for at in pages:
            page = document[at]
            width, height = page.get_size()
            scale = dpi / 72
            # A page may state to be as large as a house: it is drawn smaller then.
            most = (MAX_PIXELS / max(1.0, width * height)) ** 0.5
            bitmap = page.render(scale=min(scale, most), grayscale=True)
            yield at, bitmap.to_pil()
            page.close()
    finally:
        document.close()


def _pictures(path: str, frames: list[int]) -> Iterator[tuple[int, "Image.Image"]]:
    with _opened(path) as picture:
        for at in frames:
            picture.seek(at)
            _check_size(picture)
            yield at, picture.convert("L")


def _frames(path: str) -> int:
    with _opened(path) as picture:
        _check_size(picture)
        return int(getattr(picture, "n_frames", 1))


def _opened(path: str) -> "Image.Image":
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    return Image.open(path, formats=_FORMATS)


def _check_size(picture: "Image.Image") -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise PermanentFailure(
            f"The picture has more than {MAX_PIXELS:,} pixels.",
            code="picture_too_large",
        )


@contextlib.contextmanager
def _naming_damage() -> Iterator[None]:
    from PIL import Image

    try:
        yield
    except PermanentFailure:
        raise
    except Image.DecompressionBombError as error:
        raise PermanentFailure(
            f"The picture has more than {MAX_PIXELS:,} pixels.",
            code="picture_too_large",
        ) from error
    except DAMAGE as error:
        raise PermanentFailure(
            "The file is no usable picture: neither PDF nor one of "
            f"{', '.join(_FORMATS)} ({type(error).__name__}).",
            code="not_picture",
        ) from error
