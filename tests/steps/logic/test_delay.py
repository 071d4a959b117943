from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import Resumption
from apps.steps.signals import Park
from tests.fixtures_steps import StepRunner


def later(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.mark.parametrize("seconds", [0, 0.01, "10ms"])
def test_a_short_wait_holds_the_worker(run_step: StepRunner, seconds: Any) -> None:
    assert run_step("delay", {"seconds": seconds})["waited_s"] <= 0.01


@pytest.mark.parametrize(("seconds", "due"), [(6, 6), ("5m", 300), ("1d", 86_400)])
def test_a_long_wait_parks(run_step: StepRunner, seconds: Any, due: int) -> None:
    with pytest.raises(Park) as caught:
        run_step("delay", {"seconds": seconds})
    assert caught.value.due_in == timedelta(seconds=due)


def test_waits_for_a_point_in_time(run_step: StepRunner) -> None:
    until = later(hours=1)
    with pytest.raises(Park) as caught:
        run_step("delay", {"until": until})
    assert caught.value.due_at == datetime.fromisoformat(until)


def test_a_point_in_the_past_is_no_wait(run_step: StepRunner) -> None:
    assert run_step("delay", {"until": later(hours=-1)}) == {"waited_s": 0}


def test_goes_on_when_it_runs_again(run_step: StepRunner) -> None:
    parked = datetime.now(UTC) - timedelta(minutes=5)
    resumed = Resumption(data=None, parked_at=parked, due_at=None)
    output = run_step("delay", {"seconds": "5m"}, resumed=resumed)
    assert output["waited_s"] >= 300


def test_refuses_a_point_that_is_too_far(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure, match="366 days"):
        run_step("delay", {"until": later(days=400)})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"seconds": 1, "until": "2026-01-01T00:00:00Z"},
        {"seconds": -1},
        {"seconds": 1e12},
        {"seconds": "soon"},
        {"seconds": True},
        {"until": "2026-01-01T00:00:00"},
        {"until": "9999-12-31T23:59:60Z"},
        {"until": "infinity"},
    ],
)
def test_refuses_no_wait_at_all(run_step: StepRunner, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_step("delay", params)
