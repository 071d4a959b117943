import pytest
from pydantic import ValidationError

from apps.steps.base import StepType
from apps.steps.registry import find
from apps.steps.signals import BreakLoop
from tests.fixtures_steps import StepRunner


def test_leaves_the_loop(run_step: StepRunner) -> None:
    with pytest.raises(BreakLoop):
        run_step("break")


def test_takes_no_params(run_step: StepRunner) -> None:
    with pytest.raises(ValidationError):
        run_step("break", {"label": "outer"})


def test_belongs_into_a_loop(run_step: StepRunner) -> None:
    kind = find("break")
    assert isinstance(kind, StepType)
    assert kind.needs_loop
