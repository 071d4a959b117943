"""Looks at zip archives before anything is unpacked, and unpacks them in bounds.

Runs in a short-lived process. Nothing that an archive says is believed: names, sizes
and kinds of its members are checked, and no more comes out of one than it states.
"""

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject

MAX_MEMBERS = 1_000
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_RATIO = 100
# Small members are mostly white space and repetition, and harmless.
RATIO_FROM_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_END_BYTES = 22 + 65_535
_END = b"PK\x05\x06"
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def unpack(path: str, target: str, wanted: Sequence[str] | None) -> list[JsonObject]:
    """Write the members' content to numbered files in the folder `target`.

    Args:
        wanted: names of members; all of them without it.

    Returns: `{name, file, bytes}` of each, folders not among them.

    Raises:
        PermanentFailure: `not_zip`, `encrypted`, `archive_bomb`, `bad_member`,
            `duplicate_member` or `member_not_found`.
    """
    _check_count(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive.infolist(), os.path.getsize(path))
            chosen = _chosen(members, wanted)
            return [
                _unpack_one(archive, name, member, os.path.join(target, str(number)))
                for number, (name, member) in enumerate(chosen)
            ]
    except PermanentFailure:
        raise
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _bomb("a member larger than a file may be") from error
        raise _not_zip("it cannot be read") from error
    except (
        EOFError,
        LookupError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _not_zip(f"it is damaged ({type(error).__name__})") from error


def is_dense(member: zipfile.ZipInfo) -> bool:
    """Whether a member unpacks to far more than is packed."""
    is_large = member.file_size > RATIO_FROM_BYTES
    return is_large and member.file_size > MAX_RATIO * member.compress_size


def _check_count(path: str) -> None:
    """Refuse archives of a great many members before the list of them is read."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise _not_zip("it has no list of members")
    if int.from_bytes(tail[at + 10 : at + 12], "little") > MAX_MEMBERS:
        raise _bomb(f"more than {MAX_MEMBERS} members")


def _checked(
    members: list[zipfile.ZipInfo], archive_bytes: int
) -> list[tuple[str, zipfile.ZipInfo]]:
    """The files among the members, under the path that each may have."""
    if len(members) > MAX_MEMBERS:
        raise _bomb(f"more than {MAX_MEMBERS} members")
    if any(member.flag_bits & 1 for member in members):
        raise PermanentFailure(
            "The archive is protected by a password; unpack it where it is known.",
            code="encrypted",
        )
    _check_sizes(members, archive_bytes)
    files, folders = [], set[str]()
    for member in members:
        name = _name(member)
        if member.is_dir():
            folders.add(name.casefold())
        else:
            files.append((name, member))
    _check_names([name for name, _ in files], folders)
    return files


def _check_sizes(members: list[zipfile.ZipInfo], archive_bytes: int) -> None:
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise _bomb(f"over {MAX_UNPACKED_BYTES // 1024**2} MiB of content")
    # Members that share their packed bytes make much of little.
    if sum(member.compress_size for member in members) > archive_bytes:
        raise _bomb("members that overlap")
    if any(is_dense(member) for member in members):
        raise _bomb(f"a member packed more than {MAX_RATIO}:1")


def _name(member: zipfile.ZipInfo) -> str:
    """The member's path in the workspace, below the folder it is unpacked to."""
    # The library cuts names at a NUL; what was written there may say something else.
    if member.orig_filename.rstrip("/") != member.filename.rstrip("/"):
        raise _bad_member(member, "its name holds a NUL")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _bad_member(member, "it is a link or a device")
    if member.compress_type not in _METHODS:
        raise _bad_member(member, "it is packed in a way that is not taken")
    # Storage comes with it, which workbooks, who come here too, have no need of.
    from apps.core.workspace import checked_folder, checked_path

    check: Callable[[str], str] = checked_folder if member.is_dir() else checked_path
    try:
        return check(member.filename)
    except PermanentFailure as error:
        raise _bad_member(member, str(error).rpartition(": ")[2]) from error


def _check_names(names: list[str], folders: set[str]) -> None:
    """No two members may be one file, also where case does not count."""
    seen: set[str] = set()
    above = set(folders)
    for name in names:
        key = name.casefold()
        if key in seen:
            raise PermanentFailure(
                f"The archive has two members {name[:100]!r}.", code="duplicate_member"
            )
        seen.add(key)
        parts = key.split("/")
        above.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    if both := seen & above:
        raise PermanentFailure(
            f"{min(both)[:100]!r} is a file and a folder in the archive.",
            code="duplicate_member",
        )


def _chosen(
    members: list[tuple[str, zipfile.ZipInfo]], wanted: Sequence[str] | None
) -> list[tuple[str, zipfile.ZipInfo]]:
    if wanted is None:
        return members
    by_name = dict(members)
    for name in wanted:
        if name not in by_name:
            raise PermanentFailure(
                f"The archive has no member {name!r}; it has: "
                f"{', '.join(by_name)[:500]}.",
                code="member_not_found",
            )
    return [(name, by_name[name]) for name in dict.fromkeys(wanted)]


def _unpack_one(
    archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, path: str
) -> JsonObject:
    size = 0
    with archive.open(member) as source, open(path, "xb") as target:
        # The library gives no more than the stated size, and fails at the end when
        # the content is not what its checksum says.
        while piece := source.read(_PIECE_BYTES):
            size += target.write(piece)
    if size != member.file_size:
        raise _not_zip(f"the member {name[:100]!r} is not as large as it states")
    return {"name": name, "file": path, "bytes": size}


def _not_zip(reason: str) -> PermanentFailure:
    return PermanentFailure(
        f"The file is no usable zip archive: {reason}.", code="not_zip"
    )


def _bomb(what: str) -> PermanentFailure:
    return PermanentFailure(
        f"The archive is refused: it has {what}.", code="archive_bomb"
    )


def _bad_member(member: zipfile.ZipInfo, reason: str) -> PermanentFailure:
    return PermanentFailure(
        f"The archive's member {member.filename[:100]!r} is refused: {reason}.",
        code="bad_member",
    )
