"""Step type `continue`: Go on with the next item of the innermost loop."""

from apps.core.types import Json
from apps.steps.base import Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.signals import ContinueLoop


class NoParams(Params):
    """It takes none."""


@register("continue")
class Continue(StepType[NoParams]):
    """Go on with the next item of the innermost loop.

    Example:
        - type: continue
          if: "{{ row.mail == null }}"
    """

    params_class = NoParams
    needs_loop = True

    def run(self, params: NoParams, ctx: StepContext) -> Json:
        raise ContinueLoop
