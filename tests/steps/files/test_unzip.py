import io
import stat
import struct
import zipfile
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from apps.steps.files.unzip import Unzip, UnzipParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.files.workbooks import zipped

MIB = 1024 * 1024


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def unpack(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes, **params: Any) -> Any:
        ctx.files.write_bytes("in/a.zip", content)
        return run_step("unzip", {"path": "in/a.zip", "folder": "out"} | params, ctx)

    return run


def files(ctx: StepContext) -> dict[str, bytes]:
    found = ctx.files.list("out", recursive=True)
    return {one["path"]: ctx.files.read_bytes(one["path"]) for one in found}


def made(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """An archive with the members, also such as no program makes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def special(kind: int) -> bytes:
    """A member that is a link or a device."""
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    return made((member, b"/etc/passwd"))


def renamed(old: bytes, new: bytes) -> bytes:
    """An archive in which a member got another name of the same length by hand."""
    return made((old.decode(), b"x")).replace(old, new)


def packed_by(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a", "x" * 100)
    return file.getvalue()


def locked() -> bytes:
    """A member that says it is encrypted."""
    content = bytearray(made(("a", b"x")))
    central = content.index(b"PK\x01\x02")
    for place in (6, central + 8):
        content[place] |= 1
    return bytes(content)


def lying(size: int) -> bytes:
    """A member that states to be of this size while it has 5000 bytes."""
    content = bytearray(made(("a", b"x" * 5000)))
    central = content.index(b"PK\x01\x02")
    for place in (22, central + 24):
        content[place : place + 4] = struct.pack("<I", size)
    return bytes(content)


def lying_in_zip64(size: int) -> bytes:
    """The same by the field that large archives have for it."""
    content = bytearray(made(("a", b"x" * 5000)))
    central = content.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, size)
    content[central + 24 : central + 28] = b"\xff" * 4
    content[central + 30 : central + 32] = struct.pack("<H", len(extra))
    at = central + 46 + 1
    content[at:at] = extra
    end = content.rindex(b"PK\x05\x06")
    listed = struct.unpack_from("<I", content, end + 12)[0]
    content[end + 12 : end + 16] = struct.pack("<I", listed + len(extra))
    return bytes(content)


def overlapping() -> bytes:
    """Many members that share one run of packed bytes."""
    content = made(("a" * 8, bytes(range(256)) * 4000))
    central = content.index(b"PK\x01\x02")
    entry = content[central : content.rindex(b"PK\x05\x06")]
    count = 50
    entries = b"".join(
        entry.replace(b"a" * 8, b"%08d" % number) for number in range(count)
    )
    end = struct.pack(
        "<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(entries), central, 0
    )
    return content[:central] + entries + end


def test_unpacks_files_into_a_folder(unpack: Any, ctx: StepContext) -> None:
    output = unpack(zipped({"a.txt": "A", "d/": "", "d/\u00fc.txt": b"B"}))
    assert files(ctx) == {"out/a.txt": b"A", "out/d/\u00fc.txt": b"B"}
    assert [one["path"] for one in output["files"]] == ["out/a.txt", "out/d/\u00fc.txt"]
    assert (output["folder"], output["bytes"]) == ("out", 2)


def test_unpacks_the_members_asked_for(unpack: Any, ctx: StepContext) -> None:
    unpack(zipped({"a": "A", "b": "B"}), members=["b"])
    assert files(ctx) == {"out/b": b"B"}


def test_tells_which_members_there_are(unpack: Any) -> None:
    with pytest.raises(PermanentFailure, match="a, b") as caught:
        unpack(zipped({"a": "A", "b": "B"}), members=["c"])
    assert caught.value.code == "member_not_found"


def test_overwrites_only_when_it_may(unpack: Any, ctx: StepContext) -> None:
    ctx.files.write_bytes("out/b", b"old")
    with pytest.raises(PermanentFailure) as caught:
        unpack(zipped({"a": "A", "b": "B"}), overwrite=False)
    assert caught.value.code == "file_exists"
    assert files(ctx) == {"out/b": b"old"}
    unpack(zipped({"a": "A", "b": "B"}))
    assert files(ctx) == {"out/a": b"A", "out/b": b"B"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_zip"),
        (b"no archive", "not_zip"),
        (zipped({"a": "x" * 5000})[:-10], "not_zip"),
        (zipped({"../a": "x"}), "bad_member"),
        (zipped({"d/../../a": "x"}), "bad_member"),
        (zipped({"/etc/passwd": "x"}), "bad_member"),
        (zipped({"C:/a": "x"}), "bad_member"),
        (zipped({"d\\..\\a": "x"}), "bad_member"),
        (zipped({"a\nb": "x"}), "bad_member"),
        (zipped({".ssh/key": "x"}), "bad_member"),
        (zipped({"-rf": "x"}), "bad_member"),
        (zipped({"con.txt": "x"}), "bad_member"),
        (zipped({"a" * 256: "x"}), "bad_member"),
        (zipped({"../": ""}), "bad_member"),
        (renamed(b"a.txt.exe", b"a.txt\0exe"), "bad_member"),
        (special(stat.S_IFLNK), "bad_member"),
        (special(stat.S_IFIFO), "bad_member"),
        (special(stat.S_IFCHR), "bad_member"),
        (packed_by(zipfile.ZIP_LZMA), "bad_member"),
        (zipped({"a": "x", "A": "y"}), "duplicate_member"),
        (zipped({"\u00e9": "x", "e\u0301": "y"}), "duplicate_member"),
        (zipped({"a": "x", "a/b": "y"}), "duplicate_member"),
        (zipped({"a/": "", "A": "y"}), "duplicate_member"),
        (locked(), "encrypted"),
        (lying(100), "not_zip"),
        (lying(6000), "not_zip"),
        (lying(3 * 1024 * MIB), "archive_bomb"),
        (lying_in_zip64(100), "not_zip"),
        (lying_in_zip64(6000), "not_zip"),
        (lying_in_zip64(2**62), "archive_bomb"),
        (overlapping(), "archive_bomb"),
        (zipped({"bomb": bytes(20 * MIB)}), "archive_bomb"),
        (zipped({str(n): bytes(7 * MIB) for n in range(30)}), "archive_bomb"),
        (zipped({str(n): "" for n in range(1001)}), "archive_bomb"),
    ],
)
def test_refuses_what_is_damaged_or_hostile(
    unpack: Any, ctx: StepContext, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        unpack(content)
    assert caught.value.code == code
    assert files(ctx) == {}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refuses_two_members_of_one_name(unpack: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        unpack(made(("a", b"1"), ("a", b"2")))
    assert caught.value.code == "duplicate_member"


def test_refuses_a_hundred_thousand_members_at_once(unpack: Any) -> None:
    content = zipped({str(n): "" for n in range(100_000)})
    with pytest.raises(PermanentFailure) as caught:
        unpack(content)
    assert caught.value.code == "archive_bomb"


def test_refuses_a_zip_bomb_inside_a_zip_only_when_unpacked(
    unpack: Any, ctx: StepContext
) -> None:
    unpack(zipped({"inner.zip": zipped({"bomb": bytes(20 * MIB)})}))
    with pytest.raises(PermanentFailure) as caught:
        unpack(ctx.files.read_bytes("out/inner.zip"))
    assert caught.value.code == "archive_bomb"


def test_a_member_larger_than_a_file_may_be(
    unpack: Any, ctx: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped({"a": bytes(range(256)) * 400})
    monkeypatch.setattr(ctx.files, "max_bytes", 50_000)
    with pytest.raises(PermanentFailure) as caught:
        unpack(content)
    assert caught.value.code == "archive_bomb"


@pytest.mark.parametrize(
    "params",
    [{"folder": "../a"}, {"path": "/a.zip"}, {"members": []}, {"members": ["../a"]}],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("unzip", {"path": "a.zip"} | params)


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_repeat_is_harmless_when_it_may_overwrite(overwrite: bool) -> None:
    params = UnzipParams(path="a.zip", folder="out", overwrite=overwrite)
    assert Unzip().is_keyed(params) is overwrite
    assert Unzip().summary(params) == "unpack a.zip to out"
