"""Step type `drag_and_drop`: drag an element somewhere else."""

from datetime import timedelta
from typing import Self

from pydantic import model_validator
from selenium.webdriver.common.action_chains import ActionChains

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.mouse import Distance
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Target, TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

# Libraries take a single jump for a click that slipped.
_FIRST_PX = 8
_MOVE_MS = 100


class DragAndDropParams(Params):
    """What to drag, and to an element or by a distance.

    Attributes:
        to: the element in whose middle it is dropped.
        by: how far it is dragged instead.
        force: also what is moving or covered.
    """

    target: TargetParam = target_field()
    to: TargetParam | None = None
    by: Distance | None = None
    force: bool = False
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError("give one of to and by")
        return self


@register("drag_and_drop")
class DragAndDrop(StepType[DragAndDropParams]):
    """Drag an element with the mouse onto another, or by a distance.

    Both have to be in the same frame.

    Example:
        - type: drag_and_drop
          params: {target: "#card-7", to: "#done"}
    """

    params_class = DragAndDropParams
    # Boards keep where a card lies.
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: DragAndDropParams) -> str:
        """Names both ends."""
        by = params.by or Distance()
        where = f"by {by.x}, {by.y}" if params.to is None else f"onto {params.to}"
        return f"drag {params.target} {where}"

    def run(self, params: DragAndDropParams, ctx: StepContext) -> Json:
        """Press on the one, move, and let go on the other."""
        with on_page(ctx) as browser:
            end = None if params.to is None else _look(browser, params, params.to)
            _drag(browser, _look(browser, params, params.target), end, params.by)
        return None


def _look(browser: BrowserSession, params: DragAndDropParams, target: Target) -> Json:
    look = ("reaching.place",) if params.force else ("reaching.reach", "still")
    seconds = params.timeout.total_seconds()
    element: Json = browser.wait_for(target, seconds, *look, None)["element"]
    return element


def _drag(browser: BrowserSession, start: Json, end: Json, by: Distance | None) -> None:
    with browser.commanding() as driver:
        chain = ActionChains(driver, duration=_MOVE_MS)
        chain.click_and_hold(start).move_by_offset(_FIRST_PX, _FIRST_PX)
        if by is None:
            # Twice: the first time the page learns that something is above it.
            chain.move_to_element(end).move_by_offset(1, 1).move_by_offset(-1, -1)
        else:
            chain.move_by_offset(by.x - _FIRST_PX, by.y - _FIRST_PX)
        chain.release().perform()
