"""Step type `call_workflow`: run another workflow."""

from functools import partial

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.signals import Park

_FAILED = frozenset({"failed", "cancelled"})
_ENDED = _FAILED | {"completed"}


class CallWorkflowParams(Params):
    """Which workflow, with what."""

    workflow: str = Field(
        min_length=1, max_length=200, description="Its id or its name."
    )
    inputs: JsonObject = Field(default_factory=dict, description="Its inputs by name.")
    wait: bool = Field(
        default=True, description="Whether to go on only when it has ended."
    )


@register("call_workflow")
class CallWorkflow(StepType[CallWorkflowParams]):
    """Run another workflow and hand on its outputs.

    Waiting holds no worker. A child that fails or is cancelled fails this step. The
    output is `{execution_id, status, outputs, variables}`; without `wait` it is
    `{execution_id, status}` as soon as the child is queued.

    Example:
        - id: invoice
          type: call_workflow
          params: {workflow: Make invoice, inputs: {customer: "{{ row.customer }}"}}
    """

    params_class = CallWorkflowParams
    effect = Effect.WRITE
    keyed = True
    on_crash = OnCrash.RETRY
    workflow_param = "workflow"

    def summary(self, params: CallWorkflowParams) -> str:
        return f"run the workflow {params.workflow!r}"

    def run(self, params: CallWorkflowParams, ctx: StepContext) -> Json:
        child = _parked_for(ctx) or _start(params, ctx)
        result = ctx.workflows.result(child)
        if not params.wait:
            return {"execution_id": child, "status": result["status"]}
        if result["status"] not in _ENDED:
            raise Park(
                reason=f"workflow {params.workflow}", data={"execution_id": child}
            )
        if result["status"] in _FAILED:
            raise _failure(params.workflow, child, result)
        return {
            "execution_id": child,
            "status": result["status"],
            "outputs": result.get("outputs"),
            "variables": result.get("variables"),
        }


def _parked_for(ctx: StepContext) -> str | None:
    """The child that this step was put aside for."""
    if ctx.resumed is None:
        return None
    return str(ctx.resumed.data["execution_id"])


def _start(params: CallWorkflowParams, ctx: StepContext) -> str:
    """This attempt's child.

    The key is the same on every attempt, or a crash would start a second child. A
    retry finds the failed child of the attempt before under it: it moves on to a key
    of its own, and finds that one again after a crash.
    """
    start = partial(
        ctx.workflows.start, params.workflow, params.inputs, waits=params.wait
    )
    key = ctx.idempotency_key
    child = start(key=key)
    for attempt in range(2, ctx.attempt + 1):
        if ctx.workflows.result(child)["status"] not in _FAILED:
            break
        child = start(key=f"{key}:{attempt}")
    return child


def _failure(workflow: str, child: str, result: JsonObject) -> PermanentFailure:
    error = result.get("error") or {}
    why = f": {error['message']}" if error.get("message") else "."
    return PermanentFailure(
        f"The workflow {workflow!r} was {result['status']}{why}"
        if result["status"] == "cancelled"
        else f"The workflow {workflow!r} failed{why}",
        code="child_failed",
        execution_id=child,
        error=error,
    )
