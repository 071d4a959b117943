"""Step type `try`: go on after a failure, clean up in any case."""

from typing import Self

from pydantic import Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps.base import BlockType, Body, Flow, Steps
from apps.steps.registry import register
from apps.steps.signals import FlowSignal, StepFailed


class TryBody(Body):
    """What is tried, and what is done then."""

    steps: Steps = Field(description="Steps that may fail.")
    catch: Steps = Field(
        default_factory=lambda: Steps([]),
        description="Steps to run when one failed; `error` says why.",
    )
    finally_: Steps = Field(
        default_factory=lambda: Steps([]),
        alias="finally",
        description="Steps to run in any case; `error` is null when all went well.",
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not {"catch", "finally_"} & self.model_fields_set:
            raise ValueError("give `catch`, `finally` or both")
        return self


@register("try")
class Try(BlockType[TryBody]):
    """Run steps; when one fails run those of `catch`, and `finally` in any case.

    `catch` and `finally` know `error` with `code`, `kind`, `message` and `path`.
    Without `catch` the failure goes on after `finally`. `finally` also runs when
    `break`, `continue` or `stop` leaves the block. The output is that of the last
    step of `steps` or `catch`.

    Example:
        - type: try
          steps:
            - {type: http_request, params: {url: "https://example.com/orders"}}
          catch:
            - {type: set_variable, params: {name: why, value: "{{ error.message }}"}}
          finally:
            - {type: delete_file, params: {path: orders.tmp}}
    """

    body_class = TryBody

    def names(self, body: TryBody) -> frozenset[str]:
        return frozenset({"error"})

    def run(self, body: TryBody, flow: Flow) -> Json:
        error: JsonObject | None = None
        try:
            try:
                output = flow.run(body.steps)
            except StepFailed as failed:
                error = failed.error
                output = _caught(failed, body, flow)
        except (StepFailed, FlowSignal):
            # Nothing else: a parked, cancelled or dying execution has not left the
            # block, so it is too early to clean up.
            flow.run(body.finally_, {"error": error})
            raise
        flow.run(body.finally_, {"error": error})
        return output


def _caught(failed: StepFailed, body: TryBody, flow: Flow) -> Json:
    if "catch" not in body.model_fields_set:
        raise failed
    flow.warn(f"caught: {failed}")
    return flow.run(body.catch, {"error": failed.error})
