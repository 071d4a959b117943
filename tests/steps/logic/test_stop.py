from typing import Any

import pytest
from pydantic import ValidationError

from apps.steps.signals import StopExecution
from tests.fixtures_steps import StepRunner


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ("completed", "")),
        ({"status": "failed", "message": "no rows"}, ("failed", "no rows")),
    ],
)
def test_ends_the_execution(
    run_step: StepRunner, params: dict[str, Any], expected: tuple[str, str]
) -> None:
    with pytest.raises(StopExecution) as caught:
        run_step("stop", params)
    assert (caught.value.status, caught.value.message) == expected


@pytest.mark.parametrize("params", [{"status": "cancelled"}, {"message": "x" * 2001}])
def test_refuses_other_ends(run_step: StepRunner, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_step("stop", params)
