"""A connection to the browser's own protocol, for what BiDi does not have.

It goes past the driver, which takes a BiDi command only when the classic one under way
has ended. https://chromedevtools.github.io/devtools-protocol/
"""

from collections.abc import Sequence

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi

# What Chromium says of a session that there is not.
_NO_SESSION = -32001


class DevTools(Bidi):
    """Commands and events of the browser, or with `session=` of one of its tabs.

    Args:
        url: of the browser's WebSocket, on loopback.

    Raises:
        BidiGone: nobody answers there.
    """

    def __init__(self, url: str, headers: Sequence[str] = ()) -> None:
        # Commands to tabs that wait for an answer, by number.
        self._sessions: dict[int, str] = {}
        super().__init__(url, headers)

    def _envelope(self, number: int, method: str, parameters: JsonObject) -> JsonObject:
        given = dict(parameters)
        session = given.pop("session", None)
        message = {"id": number, "method": method, "params": given}
        if session is None:
            return message
        self._sessions[number] = session
        return {**message, "sessionId": session}

    def _take(self, message: JsonObject) -> None:
        self._sessions.pop(message.get("id", 0), None)
        if message.get("method") == "Target.detachedFromTarget":
            self._refuse(str(message["params"]["sessionId"]))
        if error := message.get("error"):
            facts = {"error": error.get("code"), "message": error.get("message")}
            message = {**message, "type": "error", **facts}
        super()._take(message)

    def _refuse(self, gone: str) -> None:
        """Answer what a tab was asked for, now that it never will."""
        asked = [number for number, of in list(self._sessions.items()) if of == gone]
        for number in asked:
            said = {"code": _NO_SESSION, "message": "the tab was closed"}
            self._take({"id": number, "error": said})
