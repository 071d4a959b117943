from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from apps.steps.signals import (
    BreakLoop,
    ContinueLoop,
    Park,
    StepFailed,
    StopExecution,
)
from tests.fixtures_steps import CallFlow, run_block

ERROR = {"code": "gone", "kind": "step", "message": "it is gone", "path": "a"}


def failing(error: BaseException) -> Callable[[CallFlow], Any]:
    def step(flow: CallFlow) -> Any:
        raise error

    return step


def noting(name: str) -> Callable[[CallFlow], Any]:
    def step(flow: CallFlow) -> Any:
        flow.variables.setdefault("ran", []).append((name, flow["error"]))
        return name

    return step


def test_gives_the_output_of_its_steps() -> None:
    body = {"steps": [lambda flow: 1], "catch": [noting("catch")]}
    assert run_block("try", body) == 1


def test_catches_a_failure_and_tells_why() -> None:
    flow = CallFlow()
    body = {"steps": [failing(StepFailed(ERROR))], "catch": [noting("catch")]}
    assert run_block("try", body, flow) == "catch"
    assert flow.variables["ran"] == [("catch", ERROR)]
    assert flow.warnings == ["caught: it is gone"]


def test_an_empty_catch_swallows_the_failure() -> None:
    body = {"steps": [failing(StepFailed(ERROR))], "catch": []}
    assert run_block("try", body) is None


def test_finally_runs_after_success() -> None:
    flow = CallFlow()
    body = {"steps": [lambda flow: 1], "finally": [noting("finally")]}
    assert run_block("try", body, flow) == 1
    assert flow.variables["ran"] == [("finally", None)]


def test_finally_runs_after_a_failure_that_goes_on() -> None:
    flow = CallFlow()
    body = {"steps": [failing(StepFailed(ERROR))], "finally": [noting("finally")]}
    with pytest.raises(StepFailed):
        run_block("try", body, flow)
    assert flow.variables["ran"] == [("finally", ERROR)]


def test_finally_runs_when_catch_fails() -> None:
    flow = CallFlow()
    body = {
        "steps": [failing(StepFailed(ERROR))],
        "catch": [failing(StepFailed({"message": "worse"}))],
        "finally": [noting("finally")],
    }
    with pytest.raises(StepFailed, match="worse"):
        run_block("try", body, flow)
    assert flow.variables["ran"] == [("finally", ERROR)]


@pytest.mark.parametrize(
    "signal", [BreakLoop(), ContinueLoop(), StopExecution("completed", "")]
)
def test_finally_runs_when_the_flow_leaves(signal: BaseException) -> None:
    flow = CallFlow()
    body = {"steps": [failing(signal)], "finally": [noting("finally")]}
    with pytest.raises(type(signal)):
        run_block("try", body, flow)
    assert flow.variables["ran"] == [("finally", None)]


@pytest.mark.parametrize(
    "signal", [Park(reason="later"), KeyboardInterrupt(), RuntimeError("ours")]
)
def test_finally_waits_while_the_block_is_not_left(signal: BaseException) -> None:
    flow = CallFlow()
    body = {
        "steps": [failing(signal)],
        "catch": [noting("catch")],
        "finally": [noting("finally")],
    }
    with pytest.raises(type(signal)):
        run_block("try", body, flow)
    assert "ran" not in flow.variables


def test_a_failing_finally_is_the_failure() -> None:
    body = {
        "steps": [failing(StepFailed(ERROR))],
        "finally": [failing(StepFailed({"message": "cleaning"}))],
    }
    with pytest.raises(StepFailed, match="cleaning"):
        run_block("try", body)


@pytest.mark.parametrize(
    "body", [{"steps": []}, {"catch": []}, {"steps": [], "except": []}]
)
def test_refuses_a_body_that_makes_no_sense(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_block("try", body)
