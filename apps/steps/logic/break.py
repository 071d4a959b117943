"""Step type `break`: Leave the innermost loop around this step."""

from apps.core.types import Json
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.signals import BreakLoop


class NoParams(Params):
    """It takes none."""


@register("break")
class Break(StepType[NoParams]):
    """Leave the innermost loop around this step.

    Example:
        - type: break
          if: "{{ row.total > 1000 }}"
    """

    params_class = NoParams
    needs_loop = True

    def run(self, params: NoParams, ctx: StepContext) -> Json:
        raise BreakLoop
