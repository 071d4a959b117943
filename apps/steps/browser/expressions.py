"""Asks the open page whether a JavaScript expression is true."""

from selenium.common.exceptions import JavascriptException

from apps.core.errors import PermanentFailure
from apps.steps.browser.failures import first_line
from apps.steps.browser.session import BrowserSession

_LONGEST_S = 5.0
# An expression that fails now may hold later: what it asks for is not there yet. A
# promise has a second, then it is asked again.
_AROUND = """
const ask = async () => Boolean(await (
%s
));
const late = new Promise((resolve) => {
  AbortSignal.timeout(1000).addEventListener('abort', () => resolve(false));
});
return Promise.race([ask().catch(() => false), late]);
"""


def is_true(browser: BrowserSession, expression: str) -> bool:
    """Whether it holds now, where steps look for elements.

    Raises:
        PermanentFailure: `script_failed`, it is no expression.
        PageChanged: the page went away meanwhile.
    """
    try:
        with (
            browser.limited_to(min(browser.command_s, _LONGEST_S)),
            browser.commanding(JavascriptException) as driver,
        ):
            browser.enter_frames(driver, browser.frame)
            return bool(driver.execute_script(_AROUND % expression))
    except JavascriptException as error:
        message = f"`{expression[:200]}` is no JavaScript expression: "
        raise PermanentFailure(
            f"{message}{first_line(error)}.", code="script_failed"
        ) from error
