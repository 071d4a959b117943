"""The usual click, as a person's mouse makes it, in a fraction of the driver's time.

In a page of a browser on this machine it goes past the driver. In frames, whose place
in the page only the browser knows, and in browsers elsewhere it is done by BiDi.
"""

import re

from selenium.common.exceptions import (
    MoveTargetOutOfBoundsException,
    StaleElementReferenceException,
    WebDriverException,
)

from apps.core.errors import TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.failures import BrowserTimeout, PageChanged
from apps.steps.browser.session import BrowserSession

# Chromium's names of elements say which frame they are in, and which node they are.
_NAME = re.compile(r"f\.([0-9A-F]+)\.d\.\w+\.e\.(\d+)", re.ASCII)
# Said before anything was pressed.
_IN_THE_WAY: dict[str, type[WebDriverException]] = {
    "move target out of bounds": MoveTargetOutOfBoundsException,
    "no such element": StaleElementReferenceException,
    "no such frame": StaleElementReferenceException,
    "no such node": StaleElementReferenceException,
    "stale element reference": StaleElementReferenceException,
}


def can_click_quickly(found: JsonObject) -> bool:
    """Whether an element that the page's side found can be clicked so.

    What is in shadow roots, options of a list and other browsers' elements cannot.
    """
    is_plain = not found["isInShadow"] and not found["isOption"]
    return is_plain and _NAME.fullmatch(found["element"].id) is not None


def click_quickly(browser: BrowserSession, found: JsonObject) -> None:
    """Move the mouse to the middle of what is in view of an element, and click.

    Raises:
        WebDriverException: the element is not there any more, or out of view.
        BrowserTimeout: the page did not deal with it in time.
    """
    name = str(found["element"].id)
    match = _NAME.fullmatch(name)
    assert match is not None  # noqa: S101  # by contract
    loan = browser.loan
    within_s = max(0.1, loan.driver.time_left())
    tools = loan.tools
    try:
        if tools is not None and match[1] == browser.tab:
            node, point = int(match[2]), found["point"]
            if tools.click(match[1], node, point, within_s):
                return
        # In a frame, elsewhere, or not where it was any more.
        loan.bidi.call(
            "input.performActions",
            within_s=within_s,
            context=match[1],
            actions=[{"type": "pointer", "id": "mouse", "actions": _acts(name)}],
        )
    except BidiError as error:
        kind = _IN_THE_WAY.get(error.code, WebDriverException)
        raise kind(f"{error.code}: {error}") from error
    except BidiGone as error:
        if loan.is_gone:
            raise
        message = "The browser did not answer in time; the page may be too busy."
        raise BrowserTimeout(message) from error


def await_what_it_began(browser: BrowserSession) -> None:
    """Return once the page has dealt with a click, and the next one is there, if any.

    A page that keeps on changing is left to the next step: the click was made.
    """
    try:
        browser.settle()
    except TemporaryFailure as error:
        if error.code != PageChanged.code:
            raise


def _acts(name: str) -> list[JsonObject]:
    middle = {"type": "element", "element": {"sharedId": name}}
    return [
        {"type": "pointerMove", "x": 0, "y": 0, "duration": 0, "origin": middle},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerUp", "button": 0},
    ]
