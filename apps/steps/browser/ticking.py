"""Ticks boxes: what `check` and `uncheck` have in common."""

from datetime import timedelta

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Params
from apps.steps.browser.page import on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext

_REFUSALS = {
    "not a box": ("not_a_checkbox", "is no checkbox, radio button or switch"),
    "radio": ("not_a_checkbox", "is a radio button: check another one instead"),
    "unchanged": ("not_changed", "stayed as it was: the page did not take the click"),
}


class TickParams(Params):
    """Which box."""

    target: TargetParam = target_field()
    force: bool = Field(
        default=False, description="Also one that is hidden, disabled or covered."
    )
    timeout: Duration = timedelta(seconds=10)


def tick(ctx: StepContext, params: TickParams, wanted: bool) -> Json:
    """Make a box ticked or not; gives whether that changed it: `{changed}`.

    Raises:
        PermanentFailure: `not_a_checkbox` or `not_changed`.
    """
    with on_page(ctx) as browser:
        timeout = params.timeout.total_seconds()
        found = browser.wait_for(
            params.target, timeout, "filling.tick", wanted, params.force
        )
        if refusal := _REFUSALS.get(found["mode"]):
            code, why = refusal
            raise PermanentFailure(f"`{params.target}` {why}.", code=code)
    return {"changed": found["mode"] == "changed"}
