"""Step type `stop`: end the execution here."""

from typing import Literal

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.signals import StopExecution


class StopParams(Params):
    """How it ends."""

    status: Literal["completed", "failed"] = Field(
        default="completed", description="What the execution becomes."
    )
    message: str = Field(default="", max_length=2000, description="Why, for people.")


@register("stop")
class Stop(StepType[StopParams]):
    """End the whole execution, as completed or as failed.

    Example:
        - type: stop
          if: "{{ steps.rows.output | length == 0 }}"
          params: {status: completed, message: "Nothing to do today"}
    """

    params_class = StopParams

    def summary(self, params: StopParams) -> str:
        return f"stop as {params.status}"

    def run(self, params: StopParams, ctx: StepContext) -> Json:
        raise StopExecution(params.status, params.message)
