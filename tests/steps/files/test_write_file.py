import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.files.write_file import WriteFile, WriteFileParams
from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.mark.parametrize(
    ("content", "more", "written"),
    [
        ("häh\n", {}, "häh\n".encode()),
        ("häh", {"encoding": "cp1252"}, b"h\xe4h"),
        ({"a": [1, "ü"]}, {}, '{\n  "a": [\n    1,\n    "ü"\n  ]\n}\n'.encode()),
        (None, {}, b"null\n"),
        (5, {}, b"5\n"),
        ("", {}, b""),
    ],
)
def test_writes_text_and_json(
    run_step: StepRunner,
    step_ctx: ContextMaker,
    content: Any,
    more: Any,
    written: bytes,
) -> None:
    ctx = step_ctx()
    output = run_step("write_file", {"path": "out/a", "content": content} | more, ctx)
    assert ctx.files.read_bytes("out/a") == written
    assert output == {
        "path": "out/a",
        "bytes": len(written),
        "sha256": hashlib.sha256(written).hexdigest(),
    }


def test_a_repeat_changes_nothing(run_step: StepRunner) -> None:
    params = {"path": "a", "content": "x"}
    assert run_step("write_file", params) == run_step("write_file", params)


def test_keeps_a_file_when_asked_to(run_step: StepRunner) -> None:
    params = {"path": "a", "content": "x", "overwrite": False}
    run_step("write_file", params)
    with pytest.raises(PermanentFailure) as caught:
        run_step("write_file", params)
    assert caught.value.code == "file_exists"


@pytest.mark.parametrize("overwrite", [True, False])
def test_is_repeated_after_a_crash_only_where_it_may(overwrite: bool) -> None:
    params = WriteFileParams(path="a", content="x", overwrite=overwrite)
    assert WriteFile().is_keyed(params) is overwrite
    assert WriteFile().summary(params) == "write a"


@pytest.mark.parametrize(
    ("content", "encoding"), [("€", "latin-1"), ("\ud800", "utf-8")]
)
def test_tells_what_cannot_be_encoded(
    run_step: StepRunner, content: str, encoding: str
) -> None:
    params = {"path": "a", "content": content, "encoding": encoding}
    with pytest.raises(PermanentFailure) as caught:
        run_step("write_file", params)
    assert caught.value.code == "bad_encoding"


def test_refuses_what_is_too_large(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_step("write_file", {"path": "a", "content": "x" * (65 * 1024 * 1024)})
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", "-rf", ".x", "CON", "a\n"])
def test_refuses_bad_paths(run_step: StepRunner, path: str) -> None:
    with pytest.raises(ValidationError):
        run_step("write_file", {"path": path, "content": ""})
