from typing import Any

import pytest
from pydantic import ValidationError

from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> Any:
    ctx = step_ctx()
    for path in ("b.txt", "in/a.csv", "in/b.txt", "in/old/c.csv"):
        ctx.files.write_bytes(path, b"1")
    return ctx


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({}, ["b.txt"]),
        ({"path": "in"}, ["in/a.csv", "in/b.txt"]),
        ({"path": "in/", "pattern": "*.csv"}, ["in/a.csv"]),
        ({"pattern": "*.csv", "recursive": True}, ["in/a.csv", "in/old/c.csv"]),
        ({"path": "nowhere"}, []),
    ],
)
def test_lists_files(run_step: StepRunner, ctx: Any, params: Any, paths: Any) -> None:
    output = run_step("list_files", params, ctx)
    assert [found["path"] for found in output] == paths
    assert all(found["bytes"] == 1 for found in output)


@pytest.mark.parametrize(
    "params", [{"path": "../"}, {"path": "/etc"}, {"pattern": "x" * 201}]
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("list_files", params)
