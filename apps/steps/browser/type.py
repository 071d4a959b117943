"""Step type `type`: type text into a field of the open page."""

import re
import time
from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.keys import Chords, only_move, parse_keys, press
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

MAX_TEXT = 100_000
MOST_DELAY = timedelta(seconds=5)
_ENTER = "\ue007"
# Keys would be pressed for these, or the driver refuses them.
_NOT_BY_KEYS = re.compile("[\x00-\x1f\x7f\ue000-\uf8ff\U00010000-\U0010ffff]")
_REFUSALS = {
    "file": ("not_a_text_field", "is a file field: files cannot be typed into it"),
    "not text": ("not_a_text_field", "is no field for text"),
    "bad value": (
        "bad_text",
        "did not take the text: dates are written 2030-12-31, times 23:59, colors "
        "#00ff00",
    ),
    "one line": (
        "bad_text",
        "has one line, but the text has line breaks. To press Enter after the text, "
        "set `submit: true`",
    ),
}


class TypeParams(Params):
    """What to type where.

    Attributes:
        clear: replace what stands in the field; else the text is put behind it.
        keys: press a key for each character; slower, for pages that listen to keys.
        delay: pause after each of these keys, up to 5 s.
        press: keys to press afterwards, named as in `press_key`, such as `Tab`.
        submit: press Enter afterwards.
        force: also into a field that is moving or covered.
    """

    # An error must not show the text, which may be a secret.
    model_config = ConfigDict(hide_input_in_errors=True)

    target: TargetParam = target_field()
    text: Annotated[str, Field(max_length=MAX_TEXT, repr=False)]
    clear: bool = True
    keys: bool = False
    delay: Annotated[Duration, Field(le=MOST_DELAY)] = timedelta(0)
    press: Chords = ()
    submit: bool = False
    force: bool = False
    timeout: Duration = timedelta(seconds=10)


@register("type")
class Type(StepType[TypeParams]):
    """Type text into a field, by default in place of what stands there.

    Waits until it is visible, enabled, at rest and not covered.
    """

    params_class = TypeParams
    effect = Effect.PAGE
    needs_browser = True

    def effect_of(self, params: TypeParams) -> Effect:
        """Enter sends most forms, and pages give other keys a meaning too."""
        does_more = params.submit or not only_move(params.press)
        return Effect.WRITE if does_more else Effect.PAGE

    def summary(self, params: TypeParams) -> str:
        """Names the field, never the text."""
        keys = [*params.press, *(["Enter"] if params.submit else [])]
        then = f" and press {', '.join(keys)}" if keys else ""
        return f"type into {params.target}{then}"[:300]

    def run(self, params: TypeParams, ctx: StepContext) -> Json:
        """Wait for the field, type, and press Enter if asked to."""
        with on_page(ctx) as browser:
            found = _type(browser, params)
        if found["mode"] == "changed":
            ctx.warn("The field holds something else than the text that was typed.")
        return None


def _type(browser: BrowserSession, params: TypeParams) -> JsonObject:
    wants_keys = params.keys or params.delay > timedelta(0)
    by_keys = wants_keys and not _NOT_BY_KEYS.search(params.text)
    arguments = (params.text, params.clear, by_keys, params.force)
    seconds = params.timeout.total_seconds()

    def attempt() -> JsonObject:
        found = browser.wait_for(params.target, seconds, "acting.type", *arguments)
        if found["mode"] == "keys":
            _press_each(browser, params, found["element"])
        elif code := _REFUSALS.get(found["mode"]):
            raise _refusal(params, *code)
        return found

    # A page that draws its fields anew takes the element away: begin again then.
    # What was typed before is replaced, unless the text is to be put behind it.
    found = browser.steadily(attempt) if params.clear else attempt()
    if params.press:
        press(browser, [parse_keys(text) for text in params.press])
    if params.submit:
        with browser.commanding():
            found["element"].send_keys(_ENTER)
    return found


def _press_each(browser: BrowserSession, params: TypeParams, element: Any) -> None:
    pause = params.delay.total_seconds()
    # One command for all of it, unless something is to happen between the keys.
    for keys in params.text if pause else (params.text,):
        with browser.commanding():
            element.send_keys(keys)
        if pause:
            time.sleep(browser.within_step(pause))
    with browser.commanding():
        # Fails when the page has drawn the field anew, text and all.
        element.is_enabled()


def _refusal(params: TypeParams, code: str, why: str) -> PermanentFailure:
    return PermanentFailure(f"`{params.target}` {why}.", code=code)
