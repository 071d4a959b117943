"""Which paths a file may have, and the errors about files."""

import re
import unicodedata

from apps.core.errors import PermanentFailure
from apps.core.text import has_controls

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255
_DRIVE = re.compile(r"[A-Za-z]:")
# Windows takes these for devices, with any extension behind them.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.I)


def checked_path(path: str) -> str:
    """The path in its one spelling (NFC), fit for any storage.

    Nothing in it is decoded: `%2e` is three characters of a name.

    Raises:
        PermanentFailure: `bad_path`.
    """
    normal = unicodedata.normalize("NFC", path)
    if not normal:
        raise bad_path(path, "it is empty")
    if has_controls(normal, one_line=True):
        raise bad_path(path, "it holds control characters")
    if len(normal.encode()) > MAX_PATH_BYTES:
        raise bad_path(path, f"it is longer than {MAX_PATH_BYTES} bytes")
    if "\\" in normal:
        raise bad_path(path, "folders are divided by `/`, not by a backslash")
    if normal.startswith("/") or _DRIVE.match(normal):
        raise bad_path(path, "it must be relative to the workspace")
    for part in normal.split("/"):
        if (reason := _why_not(part)) is not None:
            raise bad_path(path, reason)
    return normal


def checked_folder(path: str) -> str:
    """Like `checked_path`; the workspace itself is the empty text or `/`."""
    bare = path[:-1] if path.endswith("/") else path
    return checked_path(bare) if bare not in ("", ".") else ""


def is_allowed(name: str) -> bool:
    """Whether a name found in a storage is one that `checked_path` lets through."""
    return _why_not(name) is None and not has_controls(name, one_line=True)


def _why_not(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "it has an empty part, `.` or `..`"
    if part.startswith((".", "-")):
        return "names must not begin with a dot or a dash"
    if part.endswith((".", " ")) or part.startswith(" "):
        return "names must not begin with a space or end with a dot or a space"
    if _DEVICE.fullmatch(part.split(".")[0].rstrip()):
        return f"{part[:20]!r} is the name of a device on Windows"
    if len(part.encode()) > MAX_PART_BYTES:
        return f"a name in it is longer than {MAX_PART_BYTES} bytes"
    return None


def bad_path(path: str, reason: str) -> PermanentFailure:
    """The error for a path that cannot be used."""
    return PermanentFailure(
        f"{path[:100]!r} is no path of a file here: {reason}.", code="bad_path"
    )


def file_not_found(path: str) -> PermanentFailure:
    """The error for a file that is not there."""
    return PermanentFailure(
        f"There is no file {path!r}.", code="file_not_found", path=path
    )


def file_exists(path: str) -> PermanentFailure:
    """The error for a file that must not be overwritten."""
    return PermanentFailure(
        f"The file {path!r} exists already.", code="file_exists", path=path
    )


def file_too_large(path: str, max_bytes: int) -> PermanentFailure:
    """The error for a file with more content than is allowed."""
    return PermanentFailure(
        f"The file {path!r} is larger than {max_bytes} bytes.",
        code="file_too_large",
        path=path,
        limit=max_bytes,
    )
