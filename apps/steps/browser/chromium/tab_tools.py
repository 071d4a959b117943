"""Looks at tabs and clicks past the driver, which takes three times as long."""

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from apps.core.types import Json, JsonObject
from apps.steps.browser.chromium.bidi import BidiError
from apps.steps.browser.chromium.devtools import DevTools

_EVALUATE = "Runtime.evaluate"
_COOKIES = "Network.getAllCookies"
_MOUSE = "Input.dispatchMouseEvent"
_CLICK: tuple[JsonObject, ...] = (
    {"type": "mouseMoved"},
    {"type": "mousePressed", "button": "left", "buttons": 1, "clickCount": 1},
    {"type": "mouseReleased", "button": "left", "clickCount": 1},
)

_LAY_OUT = "document.documentElement?.clientWidth"


class Sight(NamedTuple):
    """A page and the cookies of its context, at one moment."""

    value: Json
    cookies: list[JsonObject]


def _holds(quad: Sequence[float], x: float, y: float) -> bool:
    """Whether a point lies in the box around four corners, `x, y` one after another."""
    xs, ys = quad[::2], quad[1::2]
    return min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys)


def plain_cookies(answer: JsonObject) -> list[JsonObject]:
    """Those of an answer of `Network.getAllCookies`, without what they do not say.

    Chromium writes -1 for a cookie that ends with the browser.
    """
    return [
        {k: v for k, v in one.items() if k != "expires" or v >= 0}
        for one in answer["cookies"]
    ]


class TabTools:
    """One connection to a browser's own protocol, kept for all of its tabs.

    Unlike the driver, it does not wait for a page that is on its way.

    Args:
        connect: opens the connection, when it is first needed.
    """

    def __init__(self, connect: Callable[[], DevTools]) -> None:
        self._connect = connect
        self._tools: DevTools | None = None
        self._sessions: dict[str, str] = {}

    @property
    def is_gone(self) -> bool:
        """Whether the browser has hung up."""
        return self._tools is not None and self._tools.is_gone

    def look(self, tab: str, expression: str, within_s: float) -> Sight | None:
        """What an expression gives on a tab's page, and all cookies of its context.

        Returns: None: there is no such tab, or its page goes away just now.

        Raises:
            BidiGone: the browser hung up, or gave no answer in time.
        """
        tools = self._connected()
        try:
            session = self._session_of(tools, tab)
            value = tools.ask(
                _EVALUATE,
                session=session,
                expression=expression,
                returnByValue=True,
            )
            cookies = tools.ask(_COOKIES, session=session)
            told = tools.wait(value, _EVALUATE, within_s)
            kept = plain_cookies(tools.wait(cookies, _COOKIES, within_s))
        except BidiError:
            return None
        if "value" not in told["result"] or "exceptionDetails" in told:
            return None
        return Sight(told["result"]["value"], kept)

    def click(
        self, tab: str, node: int, point: tuple[float, float], within_s: float
    ) -> bool:
        """Click at a point of a tab's page, where an element is.

        Args:
            node: the element, in the browser's own count (`backendNodeId`).
            point: pixels from the view's left upper corner.

        Returns: Whether the element was still there; else nothing was clicked.

        Raises:
            BidiGone: the browser hung up, or the page did not deal with it in time.
        """
        tools = self._connected()
        x, y = point
        try:
            session = self._session_of(tools, tab)
            # Else the place is that of the last frame.
            tools.tell(_EVALUATE, session=session, expression=_LAY_OUT)
            shape = tools.call(
                "DOM.getContentQuads",
                within_s=within_s,
                session=session,
                backendNodeId=node,
            )
        except BidiError:
            return False
        if not any(_holds(quad, x, y) for quad in shape["quads"]):
            return False
        # Sent together: the page has its next frame between the move and the rest.
        made = [tools.ask(_MOUSE, session=session, x=x, y=y, **act) for act in _CLICK]
        # It may close the very tab.
        with contextlib.suppress(BidiError):
            for one in made:
                tools.wait(one, _MOUSE, within_s)
        return True

    def close(self) -> None:
        """Hang up."""
        if self._tools is not None:
            self._tools.close()

    def _connected(self) -> DevTools:
        if self._tools is None:
            tools = self._connect()
            tools.on("Target.detachedFromTarget", self._forget)
            self._tools = tools
        return self._tools

    def _session_of(self, tools: DevTools, tab: str) -> str:
        known = self._sessions.get(tab)
        if known is None:
            made = tools.call("Target.attachToTarget", targetId=tab, flatten=True)
            known = self._sessions[tab] = str(made["sessionId"])
        return known

    def _forget(self, facts: JsonObject) -> None:
        gone = [
            tab for tab, of in list(self._sessions.items()) if of == facts["sessionId"]
        ]
        for tab in gone:
            del self._sessions[tab]
