import pytest
from pydantic import ValidationError

from apps.steps.base import StepType
from apps.steps.registry import find
from apps.steps.signals import ContinueLoop
from tests.fixtures_steps import StepRunner


def test_goes_on_with_the_next_item(run_step: StepRunner) -> None:
    with pytest.raises(ContinueLoop):
        run_step("continue")


def test_takes_no_params(run_step: StepRunner) -> None:
    with pytest.raises(ValidationError):
        run_step("continue", {"label": "outer"})


def test_belongs_into_a_loop(run_step: StepRunner) -> None:
    kind = find("continue")
    assert isinstance(kind, StepType)
    assert kind.needs_loop
