"""Step type `click`: click an element of the open page."""

import time
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    MoveTargetOutOfBoundsException,
    StaleElementReferenceException,
    WebDriverException,
)

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.failures import PageChanged, first_line
from apps.steps.browser.mouse import (
    Button,
    Modifier,
    Position,
    click_at,
    for_page,
    require_inside,
)
from apps.steps.browser.page import on_page
from apps.steps.browser.quick_click import (
    await_what_it_began,
    can_click_quickly,
    click_quickly,
)
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

MOST_CLICKS = 100


class ClickParams(Params):
    """What to click, how, and how long to wait until that can be done.

    Attributes:
        button: of the mouse; `double` is two quick clicks of the left one.
        count: how many quick clicks; three mark a paragraph.
        position: where in the element, from its left upper corner; else its middle.
        modifiers: keys that are held down meanwhile.
        force: click even what is disabled, moving or covered, and what is hidden. The
            usual click is then made by script and reaches the element itself; any
            other is made with the mouse and reaches what lies on top, so the element
            has to be visible for it.
    """

    target: TargetParam = target_field()
    button: Literal["left", "right", "middle", "double"] = "left"
    count: Annotated[int, Field(ge=1, le=MOST_CLICKS)] = 1
    position: Position | None = None
    modifiers: Annotated[tuple[Modifier, ...], Field(max_length=4)] = ()
    force: bool = False
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _counts_once(self) -> Self:
        if self.button == "double" and self.count != 1:
            raise ValueError("double is two clicks already; give button or count")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether it is the usual click."""
        is_usual = self.button == "left" and self.count == 1 and self.position is None
        return is_usual and not self.modifiers

    @property
    def clicks(self) -> tuple[Button, int]:
        """The button, and how often it is pressed."""
        return ("left", 2) if self.button == "double" else (self.button, self.count)


@register("click")
class Click(StepType[ClickParams]):
    """Click an element, once it is visible, enabled, at rest and not covered.

    Of several that fit, the first one that is ready is clicked, with a warning.

    Example:
        - type: click
          params: {target: "role=button[name='Save']"}
    """

    params_class = ClickParams
    # Most forms are sent this way.
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: ClickParams) -> str:
        """Names the element."""
        how = "" if params.button == "left" else f" ({params.button})"
        return f"click {params.target}{how}"

    def run(self, params: ClickParams, ctx: StepContext) -> Json:
        """Wait for the element and click it once."""
        with on_page(ctx) as browser:
            click_once(browser, params)
        return None


# Nothing was clicked yet when the driver says one of these.
_IN_THE_WAY = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    MoveTargetOutOfBoundsException,
    StaleElementReferenceException,
)


def click_once(
    browser: BrowserSession, params: ClickParams, found: JsonObject | None = None
) -> JsonObject:
    """Click as soon as nothing is in the way; gives what was found.

    Args:
        found: what the page's side has just found for it; None: look for it.
    """
    if found is not None:
        browser.matches.note(params.target, found)
    seconds = browser.within_step(params.timeout.total_seconds())
    if params.force and params.is_plain:
        return browser.wait_for(params.target, seconds, "acting.press")
    deadline = time.monotonic() + seconds
    obstacle, ready = "it went away", found

    def attempt() -> JsonObject | None:
        nonlocal obstacle, ready
        left = max(0.05, deadline - time.monotonic())
        found, ready = ready or _look(browser, params, left), None
        try:
            with browser.commanding(*_IN_THE_WAY):
                is_quick = _press(browser, params, found)
        except _IN_THE_WAY as error:
            obstacle = _told(error)
            return None
        except PageChanged as error:
            # The click may have done that, so it is not repeated.
            raise TemporaryFailure(error.message, code=error.code) from error
        if is_quick:
            await_what_it_began(browser)
        return found

    clicked = browser.poll(attempt, seconds)
    if clicked is None:
        message = f"`{params.target}` could not be clicked: {obstacle}."
        raise PermanentFailure(message, code="element_not_ready")
    return clicked


def _look(browser: BrowserSession, params: ClickParams, seconds: float) -> JsonObject:
    position = for_page(params.position)
    look = ("reaching.place",) if params.force else ("reaching.reach", "actionable")
    found = browser.wait_for(params.target, seconds, *look, position)
    require_inside(params.target, found)
    return found


def _press(browser: BrowserSession, params: ClickParams, found: JsonObject) -> bool:
    """Click; gives whether what that began was not waited for."""
    if params.is_plain and can_click_quickly(found):
        click_quickly(browser, found)
        return True
    # The driver's own click takes what it finds in shadow roots for something else.
    if params.is_plain and not found["isInShadow"]:
        found["element"].click()
    else:
        click_at(browser.driver, found, *params.clicks, params.modifiers)
    return False


def _told(error: WebDriverException) -> str:
    if isinstance(error, StaleElementReferenceException):
        return "the page replaced it again and again"
    return first_line(error)
