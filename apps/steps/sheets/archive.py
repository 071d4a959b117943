"""Looks at a workbook's zip before anything in it is unpacked."""

import zipfile

from apps.core.errors import PermanentFailure
from apps.steps.archives import MAX_RATIO, MAX_UNPACKED_BYTES, is_dense

MAX_PARTS = 1_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def check(path: str) -> None:
    """Pass when the file may be unpacked.

    The sizes that the archive states bound what comes out of it: `zipfile` reads no
    more of a part than that, and fails when the part is not what it says.

    Raises:
        PermanentFailure: `not_xlsx`, `encrypted` or `archive_bomb`.
    """
    with open(path, "rb") as file:
        head = file.read(len(_OLE))
    if head == _OLE:
        raise PermanentFailure(
            "The workbook is protected by a password or in the old .xls format; "
            "save it as .xlsx without a password.",
            code="encrypted",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_parts(archive.infolist())
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise not_xlsx("it is no zip archive") from error


def _check_parts(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MAX_PARTS:
        raise _bomb(f"more than {MAX_PARTS} parts")
    names = {part.filename for part in parts}
    if len(names) < len(parts):
        raise not_xlsx("two of its parts have the same name")
    if "[Content_Types].xml" not in names:
        raise not_xlsx("it is a zip archive of something else")
    if any(part.flag_bits & 1 for part in parts):
        raise PermanentFailure("The workbook is encrypted.", code="encrypted")
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise _bomb(f"over {MAX_UNPACKED_BYTES // 1024**2} MiB of content")
    if any(is_dense(part) for part in parts):
        raise _bomb(f"a part packed more than {MAX_RATIO}:1")


def not_xlsx(reason: str) -> PermanentFailure:
    """The error for a file that is no workbook."""
    return PermanentFailure(
        f"The file is no usable .xlsx workbook: {reason}.", code="not_xlsx"
    )


def _bomb(what: str) -> PermanentFailure:
    return PermanentFailure(
        f"The workbook is refused: it has {what}.", code="archive_bomb"
    )
