from datetime import UTC, datetime

import pytest

from apps.core.errors import PermanentFailure
from apps.steps.context import Resumption, StepContext
from apps.steps.signals import Park
from tests.fixtures_steps import ContextMaker, MemoryWorkflows, StepRunner

PARAMS = {"workflow": "Make invoice", "inputs": {"customer": "Ann"}}


@pytest.fixture
def workflows() -> MemoryWorkflows:
    return MemoryWorkflows()


def resumed(step_ctx: ContextMaker, workflows: MemoryWorkflows) -> StepContext:
    again = Resumption({"execution_id": "child-1"}, datetime.now(UTC), None)
    return step_ctx(workflows=workflows, resumed=again)


def test_starts_the_child_and_parks(
    run_step: StepRunner, workflows: MemoryWorkflows
) -> None:
    with pytest.raises(Park) as caught:
        run_step("call_workflow", PARAMS, workflows=workflows)
    assert caught.value.data == {"execution_id": "child-1"}
    assert workflows.calls == [
        ("Make invoice", {"customer": "Ann"}, "execution-1:step")
    ]


def test_hands_on_what_the_child_made(
    run_step: StepRunner, step_ctx: ContextMaker, workflows: MemoryWorkflows
) -> None:
    with pytest.raises(Park):
        run_step("call_workflow", PARAMS, workflows=workflows)
    workflows.end("child-1", "completed", outputs={"a": 1}, variables={"b": 2})
    assert run_step("call_workflow", PARAMS, resumed(step_ctx, workflows)) == {
        "execution_id": "child-1",
        "status": "completed",
        "outputs": {"a": 1},
        "variables": {"b": 2},
    }
    assert len(workflows.calls) == 1


def test_parks_again_when_woken_too_early(
    run_step: StepRunner, step_ctx: ContextMaker, workflows: MemoryWorkflows
) -> None:
    workflows.start("Make invoice", {}, key="execution-1:step", waits=True)
    with pytest.raises(Park):
        run_step("call_workflow", PARAMS, resumed(step_ctx, workflows))


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        ("failed", {"code": "gone", "message": "no such page"}, "failed: no such page"),
        ("cancelled", None, "was cancelled"),
    ],
)
def test_fails_with_the_childs_error(
    run_step: StepRunner,
    step_ctx: ContextMaker,
    workflows: MemoryWorkflows,
    status: str,
    error: dict[str, str] | None,
    text: str,
) -> None:
    workflows.start("Make invoice", {}, key="execution-1:step", waits=True)
    workflows.end("child-1", status, error=error)
    with pytest.raises(PermanentFailure, match=text) as caught:
        run_step("call_workflow", PARAMS, resumed(step_ctx, workflows))
    assert caught.value.details["execution_id"] == "child-1"


def test_does_not_wait_when_told_so(
    run_step: StepRunner, workflows: MemoryWorkflows
) -> None:
    output = run_step("call_workflow", PARAMS | {"wait": False}, workflows=workflows)
    assert output == {"execution_id": "child-1", "status": "queued"}


def test_a_repeat_after_a_crash_finds_the_same_child(
    run_step: StepRunner, workflows: MemoryWorkflows
) -> None:
    for attempt in (1, 1, 2):
        with pytest.raises(Park) as caught:
            run_step("call_workflow", PARAMS, workflows=workflows, attempt=attempt)
        assert caught.value.data == {"execution_id": "child-1"}


def test_a_retry_after_a_failed_child_starts_a_new_one(
    run_step: StepRunner, workflows: MemoryWorkflows
) -> None:
    with pytest.raises(Park):
        run_step("call_workflow", PARAMS, workflows=workflows)
    workflows.end("child-1", "failed")
    for _ in range(2):
        with pytest.raises(Park) as caught:
            run_step("call_workflow", PARAMS, workflows=workflows, attempt=2)
        assert caught.value.data == {"execution_id": "child-2"}
