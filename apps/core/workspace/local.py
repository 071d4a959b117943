"""Files on a disk, reached part by part so that no link leads out of the folder."""

import contextlib
import errno
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO, NoReturn

from apps.core.errors import TemporaryFailure
from apps.core.workspace.backend import Found
from apps.core.workspace.names import (
    bad_path,
    file_exists,
    file_not_found,
    is_allowed,
)

# Names with a dot in front are no names of files, so nobody sees this folder.
_WRITING = ".writing"
_STALE_S = 24 * 3600
_FOLDER_MODE = 0o750
_FILE_MODE = 0o640
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a pipe would wait for its other end, but for O_NONBLOCK.
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAILING = frozenset({errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE})


class LocalFiles:
    """The files in the folder `name` of the folder `root`.

    Links, hard links, pipes and devices among them are refused: nothing of ours
    makes any, and they may lead to what belongs to others.
    """

    def __init__(self, root: str, name: str) -> None:
        self._root = root
        self._name = name

    def open(self, path: str) -> BinaryIO:
        """The file, open for reading."""
        with self._parent(path) as (folder, name):
            _regular(folder, name, path)
            try:
                handle = os.open(name, _READ_FLAGS, dir_fd=folder)
            except FileNotFoundError:
                raise file_not_found(path) from None
            except OSError as error:
                _refuse(error, path)
        try:
            _check_regular(os.fstat(handle), path)  # what was looked at may be gone
            os.set_blocking(handle, True)
            return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise

    def stat(self, path: str) -> Found:
        """What is known of the file."""
        with self._parent(path) as (folder, name):
            return _found(path, _regular(folder, name, path))

    def write(self, path: str, chunks: Iterable[bytes], *, overwrite: bool) -> int:
        """Put a file there, whole or not at all; gives its size."""
        with self._parent(path, create=True) as (folder, name):
            with contextlib.suppress(FileNotFoundError):
                _check_regular(_lstat(folder, name), path)
                if not overwrite:
                    raise file_exists(path)
            with self._folder(_WRITING, create=True) as waiting:
                _remove_stale(waiting)
                part = uuid.uuid4().hex
                try:
                    size = _write_new(waiting, part, chunks)
                    if not overwrite:
                        _reserve(folder, name, path)
                    os.rename(part, name, src_dir_fd=waiting, dst_dir_fd=folder)
                except BaseException:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(part, dir_fd=waiting)
                    raise
            os.fsync(folder)
        return size

    def walk(self, folder: str, *, recursive: bool) -> Iterator[Found]:
        """The files of a folder in any order; none when there is no such folder."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            for name, info in self._entries(here):
                path = f"{here}/{name}" if here else name
                if stat.S_ISDIR(info.st_mode) and recursive:
                    waiting.append(path)
                elif stat.S_ISREG(info.st_mode) and info.st_nlink == 1:
                    yield _found(path, info)

    def delete(self, path: str) -> None:
        """Remove the file."""
        with self._parent(path) as (folder, name):
            _regular(folder, name, path)
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                raise file_not_found(path) from None
            os.fsync(folder)

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        try:
            with self._folder(folder) as handle:
                for name in os.listdir(handle):
                    if not is_allowed(name):
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        yield name, _lstat(handle, name)
        except FileNotFoundError:
            return
        except OSError as error:
            _refuse(error, folder)

    @contextlib.contextmanager
    def _parent(self, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """A handle of the folder that the file is in, and the file's name."""
        folder, _, name = path.rpartition("/")
        with contextlib.ExitStack() as stack:
            try:
                handle = stack.enter_context(self._folder(folder, create=create))
            except FileNotFoundError:
                raise file_not_found(path) from None
            except OSError as error:
                _refuse(error, path)
            try:
                yield handle, name
            except OSError as error:
                _refuse(error, path)

    @contextlib.contextmanager
    def _folder(self, folder: str, *, create: bool = False) -> Iterator[int]:
        if create:
            os.makedirs(self._root, mode=_FOLDER_MODE, exist_ok=True)
        handle = os.open(self._root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
        try:
            for part in [self._name, *filter(None, folder.split("/"))]:
                handle = _enter(handle, part, create)
            yield handle
        finally:
            os.close(handle)


def _enter(parent: int, name: str, create: bool) -> int:
    """A handle of the folder inside; `parent` is closed when there is one."""
    if create:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, _FOLDER_MODE, dir_fd=parent)
    inner = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    os.close(parent)
    return inner


def _write_new(folder: int, name: str, chunks: Iterable[bytes]) -> int:
    handle = os.open(name, _NEW_FLAGS, _FILE_MODE, dir_fd=folder)
    size = 0
    with os.fdopen(handle, "wb") as file:
        for chunk in chunks:
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size


def _reserve(folder: int, name: str, path: str) -> None:
    """Take a name that nobody has: of two writers at once one is told so."""
    try:
        os.close(os.open(name, _NEW_FLAGS, _FILE_MODE, dir_fd=folder))
    except FileExistsError:
        raise file_exists(path) from None


def _remove_stale(folder: int) -> None:
    """Remove what writers left that were killed."""
    oldest = time.time() - _STALE_S
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            if _lstat(folder, name).st_mtime < oldest:
                os.unlink(name, dir_fd=folder)


def _lstat(folder: int, name: str) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def _regular(folder: int, name: str, path: str) -> os.stat_result:
    try:
        info = _lstat(folder, name)
    except FileNotFoundError:
        raise file_not_found(path) from None
    _check_regular(info, path)
    return info


def _check_regular(info: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise bad_path(path, "it is a folder")
    if not stat.S_ISREG(info.st_mode):
        raise bad_path(path, "it is a link or a device")
    # None at all: the name is being overwritten this moment, which is fine.
    if info.st_nlink > 1:
        raise bad_path(path, "it has a second name elsewhere")


def _found(path: str, info: os.stat_result) -> Found:
    return Found(path, info.st_size, datetime.fromtimestamp(info.st_mtime, UTC))


def _refuse(error: OSError, path: str) -> NoReturn:
    """Raise what the system's refusal means for the user, or the refusal itself."""
    if error.errno in _NO_FOLDER:
        raise bad_path(path, "a part of it is no folder") from error
    if error.errno in _FULL:
        message = "There is no space left for files."
        raise TemporaryFailure(message, code="storage_full") from error
    if error.errno in _FAILING:
        message = f"The storage for files does not work: {os.strerror(error.errno)}."
        raise TemporaryFailure(message, code="storage_failed") from error
    raise error
