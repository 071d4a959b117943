"""Step type `execute_script`: run a script of the workflow's own in the page."""

import json
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from selenium.common.exceptions import JavascriptException

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.failures import first_line
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.context import StepContext
from apps.steps.registry import register

MAX_SCRIPT = 100_000
MAX_RESULT = 1_000_000
_USUAL_S = 30.0
# The script is a function's body, so it may await and return.
_AROUND = """
const work = async function () {
%s
};
const limit = arguments[1];
return work.apply(null, arguments[0]).then((value) => {
  const text = JSON.stringify(value);
  return text && text.length > limit ? {size: text.length} : {text};
}, (error) => ({error: String(error).slice(0, 500)}));
"""


class ExecuteScriptParams(Params):
    """What to run, with what.

    Attributes:
        script: the body of a JavaScript function; `return` gives its result, and
            `await` is allowed. It takes no expressions: data go into `arguments`.
        arguments: values that the script finds in `arguments[0]` and so on.
    """

    script: Annotated[str, Field(min_length=1, max_length=MAX_SCRIPT)]
    arguments: Annotated[list[Json], Field(max_length=100)] = []
    timeout: Duration = timedelta(seconds=30)


@register("execute_script")
class ExecuteScript(StepType[ExecuteScriptParams]):
    """Run JavaScript in the open page and hand on what it returns, as JSON.

    Example:
        - type: execute_script
          params:
            script: "return document.querySelectorAll(arguments[0]).length"
            arguments: [tr]
    """

    params_class = ExecuteScriptParams
    # Nobody can tell what it does.
    effect = Effect.WRITE
    needs_browser = True
    literal_params = frozenset({"script"})

    def summary(self, params: ExecuteScriptParams) -> str:
        """Shows the script's beginning."""
        return f"run the script {params.script[:200]}"

    def run(self, params: ExecuteScriptParams, ctx: StepContext) -> Json:
        """Run it once and read its result."""
        with on_page(ctx) as browser:
            answer = _run(browser, params)
        if answer.get("error"):
            raise _failed(str(answer["error"]))
        text = answer.get("text")
        if "size" in answer or len(text or "") > MAX_RESULT:
            message = f"The script's result has more than {MAX_RESULT} characters."
            raise PermanentFailure(message, code="too_much_data")
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise _failed("its result is no JSON") from error


def _run(browser: BrowserSession, params: ExecuteScriptParams) -> dict[str, Json]:
    seconds = browser.within_step(params.timeout.total_seconds())
    script = _AROUND % params.script
    try:
        with (
            browser.limited_to(seconds),
            browser.commanding(JavascriptException) as driver,
        ):
            browser.enter_frames(driver, browser.frame)
            driver.set_script_timeout(seconds)
            answer = driver.execute_script(script, params.arguments, MAX_RESULT)
            driver.set_script_timeout(_USUAL_S)
    except JavascriptException as error:
        raise _failed(first_line(error)) from error
    return dict(answer or {})


def _failed(why: str) -> PermanentFailure:
    return PermanentFailure(f"The script failed: {why}.", code="script_failed")
