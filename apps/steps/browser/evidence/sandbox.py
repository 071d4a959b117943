"""Calls functions in pages, in a world that pages cannot reach, within a time."""

import time
from typing import Any

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi, BidiError, BidiGone
from apps.steps.browser.scripts import script_for

_WORLD = "rpa-evidence"
# A page that is busy for longer is not waited for.
_ANSWER_S = 1.5


class NoAnswer(Exception):
    """The page is changing, gone, or busy."""


class TooLate(NoAnswer):
    """It is gone or so busy that there is no use in asking again."""


class Sandbox:
    """Asks pages over BiDi, so one that hangs never blocks the driver.

    Args:
        until: `time.monotonic()` value at which nobody is asked any more.
    """

    def __init__(self, bidi: Bidi, until: float) -> None:
        self._bidi = bidi
        self._until = until

    def ask(self, context: str, function: str, argument: Any = None) -> JsonObject:
        """What a function of `evidence.js` gives in a page or frame.

        Raises:
            NoAnswer: it does not answer, or not in time.
        """
        answer = self.command(
            "script.callFunction",
            functionDeclaration=f"function () {{ {script_for(function)} }}",
            target={"context": context, "sandbox": _WORLD},
            arguments=[_as_local(argument)],
            awaitPromise=False,
        )
        if answer.get("type") != "success":
            raise NoAnswer(str(answer.get("exceptionDetails", ""))[:500])
        found = plain(answer["result"])
        if not isinstance(found, dict):
            raise NoAnswer("the page is another one now")
        return found

    def command(self, method: str, **parameters: Any) -> JsonObject:
        """Send a BiDi command; gives its result.

        Raises:
            NoAnswer: there is none, or not in time.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TooLate("there is no time left")
        within_s = min(_ANSWER_S, left)
        try:
            return self._bidi.call(method, within_s=within_s, **parameters)
        except BidiError as error:
            raise NoAnswer(str(error)[:500]) from error
        except BidiGone as error:
            raise TooLate(str(error)[:500]) from error


def plain(remote: JsonObject) -> Any:
    """A value as BiDi describes it, as Python has it; windows are their ids."""
    kind, value = remote.get("type"), remote.get("value")
    if kind == "array":
        return [plain(one) for one in value or ()]
    if kind == "object":
        return {str(name): plain(one) for name, one in value or ()}
    if kind == "window" and isinstance(value, dict):
        return value.get("context")
    if kind in ("null", "undefined"):
        return None
    if kind == "number":
        # What JSON has no number for comes as a word.
        return float(value) if isinstance(value, int | float) else 0.0
    return value


def _as_local(value: Any) -> JsonObject:
    if isinstance(value, list):
        return {"type": "array", "value": [_as_local(one) for one in value]}
    return {"type": "number", "value": value or 0}
