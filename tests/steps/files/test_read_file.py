import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> Any:
    return step_ctx()


@pytest.mark.parametrize(
    ("content", "params", "output"),
    [
        ("häh\n".encode(), {}, "häh\n"),
        ("\ufeffhäh".encode(), {}, "häh"),
        ("häh".encode("cp1252"), {"encoding": "cp1252"}, "häh"),
        ("häh".encode("utf-16"), {"encoding": "utf-16"}, "häh"),
        (b"\x00\xff", {"as": "base64"}, "AP8="),
        (b'\xef\xbb\xbf{"a": [1, null]}', {"as": "json"}, {"a": [1, None]}),
        (b"", {}, ""),
    ],
)
def test_gives_the_content(
    run_step: StepRunner, ctx: Any, content: bytes, params: Any, output: Any
) -> None:
    ctx.files.write_bytes("in/a", content)
    assert run_step("read_file", {"path": "in/a"} | params, ctx) == output


@pytest.mark.parametrize(
    ("content", "params", "code"),
    [
        (b"\xff\xff", {}, "bad_encoding"),
        (b"a\0b", {}, "bad_encoding"),
        (b"{", {"as": "json"}, "invalid_json"),
        (b"[NaN]", {"as": "json"}, "invalid_json"),
        (b"[" * 100_000, {"as": "json"}, "invalid_json"),
        (b'{"a": "\\u0000"}', {"as": "json"}, "invalid_json"),
        (b"9" * 5000, {"as": "json"}, "invalid_json"),
        (b"x" * (17 * 1024 * 1024), {}, "file_too_large"),
        (b"x" * (12 * 1024 * 1024), {"as": "base64"}, "file_too_large"),
    ],
)
def test_tells_what_is_wrong(
    run_step: StepRunner, ctx: Any, content: bytes, params: Any, code: str
) -> None:
    ctx.files.write_bytes("a", content)
    with pytest.raises(PermanentFailure) as caught:
        run_step("read_file", {"path": "a"} | params, ctx)
    assert caught.value.code == code


def test_a_file_that_is_not_there(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_step("read_file", {"path": "nothing.txt"})
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize("kind", ["symlink", "fifo"])
def test_refuses_what_is_no_file(
    run_step: StepRunner, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "organization-1"
    folder.mkdir()
    if kind == "symlink":
        (folder / "x").symlink_to("/etc/passwd")
    else:
        os.mkfifo(folder / "x")
    with pytest.raises(PermanentFailure, match="a link or a device"):
        run_step("read_file", {"path": "x"})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"path": "../../etc/passwd"},
        {"path": "/etc/passwd"},
        {"path": "file:///etc/passwd"},
        {"path": "..\\x"},
        {"path": "a\0"},
        {"path": 5},
        {"path": "a", "encoding": "rot13"},
        {"path": "a", "encoding": "no-such"},
        {"path": "a", "encoding": "utf\0"},
        {"path": "a", "as": "yaml"},
        {"path": "a", "files": {"x": {"filepath": "/etc/passwd"}}},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("read_file", params)
