"""A tab that shows an empty page of any site, without asking its server for it."""

import base64
import json

from apps.core.types import Json, JsonObject
from apps.steps.browser.chromium.devtools import DevTools

_EMPTY = base64.b64encode(b"<!doctype html><title></title>").decode()
_HEADERS = [{"name": "Content-Type", "value": "text/html"}]


class BlankTab:
    """Made in a context; what a site has stored there can be read and written in it.

    Attributes:
        id: as the browser calls it.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """

    def __init__(self, tools: DevTools, user_context: str) -> None:
        self._tools = tools
        self._origin = ""
        made = tools.call(
            "Target.createTarget",
            url="about:blank",
            browserContextId=user_context,
            background=True,
        )
        self.id = str(made["targetId"])
        answer = tools.call("Target.attachToTarget", targetId=self.id, flatten=True)
        self._session = str(answer["sessionId"])
        tools.on("Fetch.requestPaused", self._answer)
        self._call("Fetch.enable")
        self._call("Network.enable")
        # It would answer instead of us.
        self._call("Network.setBypassServiceWorker", bypass=True)

    def run(self, origin: str, script: str, argument: Json, within_s: float) -> Json:
        """What a function gives when it is called on an empty page of a site.

        Args:
            script: source of a function of one argument.

        Returns: None also when the site cannot be shown.
        """
        self._origin = origin
        shown = self._call("Page.navigate", url=f"{origin}/", within_s=within_s)
        if shown.get("errorText"):
            return None
        # JSON is a subset of JavaScript.
        call = f"({script})({json.dumps(argument)})"
        checked = f"location.origin === {json.dumps(origin)} ? {call} : null"
        answer = self._call(
            "Runtime.evaluate",
            expression=checked,
            returnByValue=True,
            within_s=within_s,
        )
        if "exceptionDetails" in answer:
            return None
        found: Json = answer["result"].get("value")
        return found

    def close(self) -> None:
        """Close it."""
        self._tools.call("Target.closeTarget", targetId=self.id)

    def _call(self, method: str, **parameters: object) -> JsonObject:
        given: dict[str, object] = {"session": self._session, **parameters}
        return self._tools.call(method, **given)  # type: ignore[arg-type]

    def _answer(self, asked: JsonObject) -> None:
        request: JsonObject = {"requestId": asked["requestId"]}
        if str(asked["request"]["url"]).startswith(f"{self._origin}/"):
            self._tools.tell(
                "Fetch.fulfillRequest",
                session=self._session,
                responseCode=200,
                responseHeaders=_HEADERS,
                body=_EMPTY,
                **request,
            )
        else:
            # The browser tries https first; refused, it takes what it was told.
            self._tools.tell(
                "Fetch.failRequest",
                session=self._session,
                errorReason="ConnectionRefused",
                **request,
            )
