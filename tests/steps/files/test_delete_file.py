import pytest

from apps.core.errors import PermanentFailure
from apps.steps.files.delete_file import DeleteFile, DeleteFileParams
from tests.fixtures_steps import ContextMaker, StepRunner


def test_removes_a_file(run_step: StepRunner, step_ctx: ContextMaker) -> None:
    ctx = step_ctx()
    ctx.files.write_bytes("in/a", b"")
    output = run_step("delete_file", {"path": "in/a"}, ctx)
    assert output == {"path": "in/a", "deleted": True}
    assert not ctx.files.exists("in/a")


def test_one_that_is_gone_may_be_fine(run_step: StepRunner) -> None:
    output = run_step("delete_file", {"path": "a", "missing_ok": True})
    assert output == {"path": "a", "deleted": False}


def test_one_that_is_gone_fails(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_step("delete_file", {"path": "a"})
    assert caught.value.code == "file_not_found"


def test_a_repeat_is_harmless_only_when_a_missing_file_is() -> None:
    kind = DeleteFile()
    assert kind.is_keyed(DeleteFileParams(path="a", missing_ok=True))
    assert not kind.is_keyed(DeleteFileParams(path="a"))
    assert kind.summary(DeleteFileParams(path="a")) == "delete a"
