import io
import zipfile
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from apps.steps.files.zip import Zip, ZipParams
from tests.fixtures_steps import ContextMaker, StepRunner

FILES = {"a.txt": b"A" * 1000, "d/b.txt": b"B", "d/e/c.png": b"C" * 1000}


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    made = step_ctx()
    for path, content in FILES.items():
        made.files.write_bytes(path, content)
    return made


@pytest.fixture
def pack(run_step: StepRunner, ctx: StepContext) -> Any:
    return lambda **params: run_step("zip", {"path": "d/z.zip"} | params, ctx)


def members(ctx: StepContext) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(ctx.files.read_bytes("d/z.zip"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_packs_files_by_their_path(pack: Any, ctx: StepContext) -> None:
    output = pack(files=["d/b.txt", "a.txt", "a.txt"])
    assert members(ctx) == {"d/b.txt": b"B", "a.txt": b"A" * 1000}
    size = ctx.files.stat("d/z.zip")["bytes"]
    assert (output["files"], output["bytes"]) == (2, size)
    assert size < 500


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"folder": "d"}, ["b.txt", "e/c.png"]),
        ({"folder": ""}, ["a.txt", "d/b.txt", "d/e/c.png"]),
        ({"folder": "/", "pattern": "*.txt"}, ["a.txt", "d/b.txt"]),
    ],
)
def test_packs_a_folder(pack: Any, ctx: StepContext, params: Any, names: Any) -> None:
    for _ in range(2):  # the second time, its own archive lies there
        pack(**params)
        assert sorted(members(ctx)) == names


def test_the_same_files_give_the_same_archive(pack: Any) -> None:
    assert pack(folder="d")["sha256"] == pack(folder="d")["sha256"]


def test_unzip_takes_what_it_makes(
    pack: Any, run_step: StepRunner, ctx: StepContext
) -> None:
    pack(folder="d")
    run_step("unzip", {"path": "d/z.zip", "folder": "again"}, ctx)
    assert ctx.files.read_bytes("again/e/c.png") == FILES["d/e/c.png"]


def test_refuses_too_many_files(pack: Any, ctx: StepContext) -> None:
    for number in range(1001):
        ctx.files.write_bytes(f"many/{number}", b"")
    with pytest.raises(PermanentFailure) as caught:
        pack(folder="many")
    assert caught.value.code == "archive_too_large"


def test_refuses_too_much(pack: Any, ctx: StepContext) -> None:
    for number in range(4):
        ctx.files.write_bytes(f"large/{number}", bytes(60 * 1024 * 1024))
    with pytest.raises(PermanentFailure) as caught:
        pack(folder="large")
    assert caught.value.code == "archive_too_large"
    assert not ctx.files.exists("d/z.zip")


@pytest.mark.parametrize("params", [{"files": ["no.txt"]}, {"folder": "none"}])
def test_files_that_are_not_there(pack: Any, params: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        pack(**params)
    assert caught.value.code == "file_not_found"


def test_overwrites_only_when_it_may(pack: Any) -> None:
    pack(folder="d")
    with pytest.raises(PermanentFailure) as caught:
        pack(folder="d", overwrite=False)
    assert caught.value.code == "file_exists"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"files": []},
        {"files": ["a"], "folder": "b"},
        {"files": ["../a"]},
        {"folder": "../a"},
        {"folder": "a", "path": "a.rar"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("zip", {"path": "a.zip"} | params)


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_repeat_is_harmless_when_it_may_overwrite(overwrite: bool) -> None:
    params = ZipParams(path="z.zip", files=["a"], overwrite=overwrite)
    assert Zip().is_keyed(params) is overwrite
    assert Zip().summary(params) == "pack 1 files into z.zip"
