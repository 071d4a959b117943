"""The mouse: where it goes in an element, and how it clicks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.mouse_button import MouseButton

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.browser.keys import MODIFIERS
from apps.steps.browser.target import Target

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

Modifier = Literal["Control", "Shift", "Alt", "Meta"]
Button = Literal["left", "middle", "right"]
Inside = Annotated[float, Field(ge=0, le=100_000)]
Pixels = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
_BUTTONS = {
    "left": MouseButton.LEFT,
    "middle": MouseButton.MIDDLE,
    "right": MouseButton.RIGHT,
}


class Position(BaseModel):
    """A point in an element, in pixels from its left upper corner.

    Attributes:
        x: to the right.
        y: down.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: Inside
    y: Inside


class Distance(BaseModel):
    """How far, in pixels.

    Attributes:
        x: to the right; negative: to the left.
        y: down; negative: up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: Pixels = 0
    y: Pixels = 0


def for_page(position: Position | None) -> Json:
    """The position as the page's side takes it."""
    return None if position is None else position.model_dump()


def require_inside(target: Target, found: JsonObject) -> None:
    """Go on only with a position that lies in its element.

    Raises:
        PermanentFailure: `bad_position`.
    """
    if found.get("mode") == "outside":
        size = f"{found['width']:g} pixels wide and {found['height']:g} high"
        message = f"The position lies outside of `{target}`, which is {size}."
        raise PermanentFailure(message, code="bad_position")


def click_at(
    driver: "Driver",
    found: JsonObject,
    button: Button,
    count: int,
    modifiers: Sequence[Modifier],
) -> None:
    """Click in an element with the mouse, while keys are held down.

    Args:
        found: `{element, offset}`, the offset being from the element's middle.
    """
    chain = ActionChains(driver, duration=0)
    chain.move_to_element_with_offset(found["element"], *found["offset"])
    keys = [MODIFIERS[name.lower()] for name in modifiers]
    for key in keys:
        chain.key_down(key)
    mouse: Any = chain.w3c_actions.pointer_action
    keyboard: Any = chain.w3c_actions.key_action
    for _ in range(count):
        mouse.pointer_down(button=_BUTTONS[button])
        mouse.pointer_up(button=_BUTTONS[button])
        # Both devices act in step: keys that are up too soon are not held.
        keyboard.pause()
        keyboard.pause()
    for key in reversed(keys):
        chain.key_up(key)
    chain.perform()
