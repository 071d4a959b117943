"""A connection to the browser's own protocol, for what BiDi does not have.

It goes past the driver, which takes a BiDi command only when the classic one under way
has ended. https://chromedevtools.github.io/devtools-protocol/
"""

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi


class DevTools(Bidi):
    """Commands and events of the browser, or with `session=` of one of its tabs.

    Args:
        url: of the browser's WebSocket, on loopback.

    Raises:
        BidiGone: nobody answers there.
    """

    def _envelope(self, number: int, method: str, parameters: JsonObject) -> JsonObject:
        given = dict(parameters)
        session = given.pop("session", None)
        message = {"id": number, "method": method, "params": given}
        return message if session is None else {**message, "sessionId": session}

    def _take(self, message: JsonObject) -> None:
        if error := message.get("error"):
            facts = {"error": error.get("code"), "message": error.get("message")}
            message = {**message, "type": "error", **facts}
        super()._take(message)
