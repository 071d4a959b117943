import errno
import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.workspace import Workspace, checked_path

LIMIT = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "org"
    folder.mkdir()
    return folder


@pytest.fixture
def local(root: Path) -> Workspace:
    return Workspace(FileSystemStorage(root.parent), "org", max_bytes=LIMIT)


@pytest.fixture(params=["local", "remote"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return (
        FileSystemStorage(tmp_path) if request.param == "local" else InMemoryStorage()
    )


@pytest.fixture
def files(storage: Storage) -> Workspace:
    return Workspace(storage, "org", max_bytes=LIMIT)


def code(error: pytest.ExceptionInfo[PermanentFailure]) -> str:
    return error.value.code


def names(files: Workspace, *args: object, **options: object) -> list[str]:
    return [found["path"] for found in files.list(*args, **options)]  # type: ignore[arg-type]


BAD = [
    "",
    "/",
    "/abs",
    "//x",
    "../../etc/passwd",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    ".",
    "..",
    "..\\x",
    "a\\b",
    "C:\\x",
    "C:x",
    "file:///etc/passwd",
    ".hidden",
    "a/.b",
    "-rf",
    "a/-rf",
    "a.",
    "a ",
    " a",
    "a./b",
    "CON",
    "con.txt",
    "a/NUL.tar.gz",
    "COM1",
    "lpt9.x",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\x7fb",
    "a\u202egnp.exe",
    "\ud800",
    "x" * 256,
    "é" * 128,
    "/".join(["abcdefg"] * 150),
]


@pytest.mark.parametrize("path", BAD)
def test_refuses_bad_paths(files: Workspace, path: str) -> None:
    for act in (files.open_read, files.stat, files.delete, files.exists):
        with pytest.raises(PermanentFailure) as caught:
            act(path)
        assert code(caught) == "bad_path"


@pytest.mark.parametrize("path", BAD)
def test_writes_nothing_to_bad_paths(local: Workspace, root: Path, path: str) -> None:
    with pytest.raises(PermanentFailure, match="is no path of a file"):
        local.write_bytes(path, b"x")
    assert not any(root.parent.rglob("*.*"))


@pytest.mark.parametrize(
    "path",
    ["x..%2f..%2fetc", "%2e%2e/x", "a b/c d.txt", "Überweisung 10:30.csv", "x" * 255],
)
def test_takes_other_characters_as_they_are(files: Workspace, path: str) -> None:
    files.write_bytes(path, b"content")
    assert names(files, recursive=True) == [path]
    assert files.read_bytes(path) == b"content"


@given(st.text(max_size=40))
def test_a_path_that_passes_stays_inside(path: str) -> None:
    try:
        checked = checked_path(path)
    except PermanentFailure:
        return
    assert os.path.normpath(f"/root/{checked}") == f"/root/{checked}"
    assert checked_path(checked) == checked


def test_two_spellings_are_one_name(files: Workspace) -> None:
    files.write_bytes("u\u0308.txt", b"x")
    assert files.read_bytes("\u00fc.txt") == b"x"
    assert names(files) == ["\u00fc.txt"]


def test_writes_and_reads(files: Workspace) -> None:
    assert files.write_bytes("in/a.txt", "häh".encode()) == 4
    assert files.read_text("in/a.txt") == "häh"
    with files.open_read("in/a.txt") as file:
        assert file.read(1) == b"h"


def test_overwrites_unless_told_not_to(files: Workspace) -> None:
    files.write_bytes("a.txt", b"one")
    files.write_bytes("a.txt", b"two")
    with pytest.raises(PermanentFailure) as caught:
        files.write_bytes("a.txt", b"three", overwrite=False)
    assert (code(caught), files.read_bytes("a.txt")) == ("file_exists", b"two")
    assert files.write_bytes("b.txt", b"four", overwrite=False) == 4


def test_tells_what_is_known_of_a_file(files: Workspace) -> None:
    files.write_bytes("in/a.txt", b"12345")
    found = files.stat("in/a.txt")
    assert (found["path"], found["bytes"]) == ("in/a.txt", 5)
    assert found["modified_at"].endswith("Z")
    assert files.exists("in/a.txt")
    assert not files.exists("in/b.txt")


def test_lists_by_folder_and_pattern(files: Workspace) -> None:
    for path in ("b.csv", "a.csv", "a.txt", "in/c.csv", "in/deep/d.csv"):
        files.write_bytes(path, b"")
    assert names(files) == ["a.csv", "a.txt", "b.csv"]
    assert names(files, pattern="*.csv", recursive=True) == [
        "a.csv",
        "b.csv",
        "in/c.csv",
        "in/deep/d.csv",
    ]
    assert names(files, "in/") == ["in/c.csv"]
    assert names(files, "in", "deep/*", recursive=True) == ["in/deep/d.csv"]
    assert names(files, "nowhere") == []


def test_deletes(files: Workspace) -> None:
    files.write_bytes("a.txt", b"")
    assert files.delete("a.txt")
    assert not files.delete("a.txt", missing_ok=True)
    with pytest.raises(PermanentFailure) as caught:
        files.delete("a.txt")
    assert code(caught) == "file_not_found"


@pytest.mark.parametrize("path", ["a.txt", "no/a.txt"])
def test_a_file_that_is_not_there(files: Workspace, path: str) -> None:
    for act in (files.open_read, files.stat, files.read_bytes):
        with pytest.raises(PermanentFailure) as caught:
            act(path)
        assert code(caught) == "file_not_found"


def test_a_file_is_no_folder(local: Workspace) -> None:
    local.write_bytes("a", b"")
    for act in (local.open_read, local.stat):
        with pytest.raises(PermanentFailure) as caught:
            act("a/b")
        assert code(caught) == "bad_path"


def test_a_folder_is_no_file(local: Workspace) -> None:
    local.write_bytes("in/a", b"")
    with pytest.raises(PermanentFailure, match="it is a folder"):
        local.write_bytes("in", b"")


def test_what_is_too_large_leaves_nothing(files: Workspace, tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure) as caught:
        files.write_stream("a", iter([b"x" * 600, b"x" * 600]))
    assert code(caught) == "file_too_large"
    assert names(files) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_writer_that_fails_leaves_the_old_file(files: Workspace) -> None:
    def broken():
        yield b"new"
        raise KeyError

    files.write_bytes("a", b"old")
    with pytest.raises(KeyError):
        files.write_stream("a", broken())
    assert files.read_bytes("a") == b"old"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, "storage_full"), (errno.EROFS, "storage_failed")],
)
def test_a_disk_that_fails_may_work_later(
    local: Workspace, number: int, expected: str
) -> None:
    def broken():
        yield b"new"
        raise OSError(number, os.strerror(number))

    with pytest.raises(TemporaryFailure) as caught:
        local.write_stream("a", broken())
    assert caught.value.code == expected


def test_reads_no_more_than_asked(files: Workspace) -> None:
    files.write_bytes("a", b"x" * 11)
    with pytest.raises(PermanentFailure) as caught:
        files.read_bytes("a", max_bytes=10)
    assert code(caught) == "file_too_large"


def test_a_file_that_grew_is_bounded(local: Workspace, root: Path) -> None:
    (root / "a").write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(PermanentFailure) as caught, local.local_copy("a"):
        pass
    assert code(caught) == "file_too_large"


def test_text_of_another_encoding_is_told(files: Workspace) -> None:
    files.write_bytes("a", b"\xff\xfe\xfa")
    with pytest.raises(PermanentFailure) as caught:
        files.read_text("a")
    assert code(caught) == "bad_encoding"


def test_a_copy_is_gone_afterwards(files: Workspace) -> None:
    files.write_bytes("in/a.xlsx", b"abc")
    with files.local_copy("in/a.xlsx") as copy:
        assert (copy.name, copy.read_bytes()) == ("a.xlsx", b"abc")
    assert not copy.exists()


def test_organizations_see_only_their_own(storage: Storage) -> None:
    mine = Workspace(storage, "a", max_bytes=LIMIT)
    mine.write_bytes("x", b"1")
    other = Workspace(storage, "b", max_bytes=LIMIT)
    assert names(other, recursive=True) == []
    assert not other.exists("x")


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "linked folder"])
def test_refuses_what_is_no_ordinary_file(
    local: Workspace, root: Path, kind: str
) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    match kind:
        case "symlink":
            (root / "x").symlink_to(outside / "secret")
        case "hard link":
            (root / "x").hardlink_to(outside / "secret")
        case "fifo":
            os.mkfifo(root / "x")
        case _:
            (root / "x").symlink_to(outside)
    path = "x/secret" if kind == "linked folder" else "x"
    for act in (local.open_read, local.stat, local.delete, _write(local)):
        with pytest.raises(PermanentFailure) as caught:
            act(path)
        assert code(caught) == "bad_path"
    assert local.list(recursive=True) == []
    assert (outside / "secret").read_text() == "secret"


def _write(files: Workspace):
    return lambda path: files.write_bytes(path, b"overwritten")


def test_removes_what_a_killed_writer_left(local: Workspace, root: Path) -> None:
    local.write_bytes("a", b"")
    stale = root / ".writing" / "0123"
    stale.write_bytes(b"half")
    os.utime(stale, (0, 0))
    local.write_bytes("b", b"")
    assert list((root / ".writing").iterdir()) == []


def test_a_second_writer_at_the_same_time_is_told(local: Workspace) -> None:
    def slow():
        local.write_bytes("a", b"first", overwrite=False)
        yield b"second"

    with pytest.raises(PermanentFailure) as caught:
        local.write_stream("a", slow(), overwrite=False)
    assert (code(caught), local.read_bytes("a")) == ("file_exists", b"first")


def test_lists_only_files_that_can_be_read(local: Workspace, root: Path) -> None:
    for name in (".hidden", "-rf", "ok"):
        (root / name).write_bytes(b"")
    assert names(local, recursive=True) == ["ok"]


def test_a_long_list_is_refused(files: Workspace, monkeypatch) -> None:
    monkeypatch.setattr("apps.core.workspace.workspace.MAX_LISTED", 2)
    for name in "abc":
        files.write_bytes(name, b"")
    with pytest.raises(PermanentFailure) as caught:
        files.list()
    assert code(caught) == "too_many_files"


def test_the_rest_of_a_storage_is_not_touched() -> None:
    storage = InMemoryStorage()
    storage.save("other/x", ContentFile(b"theirs"))
    files = Workspace(storage, "org", max_bytes=LIMIT)
    files.write_bytes("x", b"ours")
    assert storage.open("other/x").read() == b"theirs"
