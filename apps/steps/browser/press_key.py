"""Step type `press_key`: press keys of the keyboard."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.keys import Chords, only_move, parse_keys, press
from apps.steps.browser.page import on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register


class PressKeyParams(Params):
    """Which keys, and where.

    Attributes:
        keys: as `Enter`, `Control+A` or `a`; a list is pressed one by one.
        target: gets the focus first; without it, what has the focus gets the keys.
        force: also a target that is moving or covered.
    """

    keys: Annotated[Chords, Field(min_length=1)]
    target: TargetParam | None = target_field(default=None)
    force: bool = False
    timeout: Duration = timedelta(seconds=10)


@register("press_key")
class PressKey(StepType[PressKeyParams]):
    """Press keys, as a person at the keyboard would.

    Example:
        - type: press_key
          params: {keys: [Control+A, Delete], target: "label=Name"}
    """

    params_class = PressKeyParams
    # Enter sends forms, and pages give other keys a meaning too.
    effect = Effect.WRITE
    needs_browser = True

    def effect_of(self, params: PressKeyParams) -> Effect:
        """Keys that only move change nothing outside."""
        return Effect.PAGE if only_move(params.keys) else Effect.WRITE

    def summary(self, params: PressKeyParams) -> str:
        """Names the keys."""
        return f"press {', '.join(params.keys)}"[:200]

    def run(self, params: PressKeyParams, ctx: StepContext) -> Json:
        """Focus the target, if there is one, and press."""
        chords = [parse_keys(text) for text in params.keys]
        with on_page(ctx) as browser:
            if params.target is not None:
                timeout = params.timeout.total_seconds()
                found = browser.wait_for(
                    params.target, timeout, "acting.focus", params.force
                )
                if not found["has_focus"]:
                    message = f"`{params.target}` cannot have the focus."
                    raise PermanentFailure(message, code="not_focusable")
            press(browser, chords)
        return None
