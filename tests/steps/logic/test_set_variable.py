from typing import Any

import pytest
from pydantic import ValidationError

from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.mark.parametrize("value", [1, "text", None, [1, {"a": 2}], {"x": True}])
def test_sets_a_variable_and_hands_it_on(
    run_step: StepRunner, step_ctx: ContextMaker, value: Any
) -> None:
    ctx = step_ctx()
    assert run_step("set_variable", {"name": "total", "value": value}, ctx) == value
    assert ctx.variables == {"total": value}


@pytest.mark.parametrize("name", ["", "two words", "1st", "a.b", "x" * 65, "a\n"])
def test_refuses_a_name_that_expressions_cannot_say(
    run_step: StepRunner, name: str
) -> None:
    with pytest.raises(ValidationError):
        run_step("set_variable", {"name": name, "value": 1})


def test_needs_a_value(run_step: StepRunner) -> None:
    with pytest.raises(ValidationError):
        run_step("set_variable", {"name": "total"})
