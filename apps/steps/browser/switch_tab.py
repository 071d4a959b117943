"""Step type `switch_tab`: go on in another tab of the browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.tabs import current_tab, enter_tab, open_tabs, tab_with
from apps.steps.context import StepContext
from apps.steps.registry import register

Index = Annotated[int, Field(ge=0, le=1_000)]
Name = Annotated[str, Field(min_length=1, max_length=2_000)]


class SwitchTabParams(Params):
    """Which tab, and how long to wait for it."""

    to: Index | Name = Field(
        default="last",
        description=(
            "`last` for the newest, which is waited for when this one is the newest; "
            "`first`; `previous` for the one before this; its place from 0; or a text "
            "in its address or title."
        ),
    )
    timeout: Duration = timedelta(seconds=10)


@register("switch_tab")
class SwitchTab(StepType[SwitchTabParams]):
    """Go on in another tab, such as one that a click has opened.

    Gives `{url, title, index, count}`: of that tab, and how many are open.

    Example:
        - type: switch_tab
          params: {to: last}
    """

    params_class = SwitchTabParams
    # What it did is in the browser's checkpoint: it is not done again.
    effect = Effect.READ
    needs_browser = True

    def summary(self, params: SwitchTabParams) -> str:
        """Names the tab."""
        return f"go on in the tab {params.to}"

    def run(self, params: SwitchTabParams, ctx: StepContext) -> Json:
        """Wait until there is such a tab, and enter it."""
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            handle = browser.poll(_look(browser, params.to), seconds)
            if handle is None:
                raise _no_such_tab(browser, params.to, seconds)
            return enter_tab(browser, handle)


def _look(browser: BrowserSession, to: int | str) -> Callable[[], str | None]:
    here = current_tab(browser)

    def look() -> str | None:
        tabs = open_tabs(browser)
        if isinstance(to, int):
            return tabs[to] if to < len(tabs) else None
        if to == "first":
            return tabs[0] if tabs else None
        if to == "last":
            return tabs[-1] if tabs and tabs[-1] != here else None
        if to == "previous":
            return _before(tabs, here)
        return tab_with(browser, to)

    return look


def _before(tabs: list[str], here: str | None) -> str | None:
    if here not in tabs:
        return tabs[-1] if tabs else None
    at = tabs.index(here)
    return tabs[at - 1] if at else None


def _no_such_tab(
    browser: BrowserSession, to: int | str, seconds: float
) -> PermanentFailure:
    count = len(open_tabs(browser))
    what = "newer tab than this one" if to == "last" else f"tab `{to}`"
    message = f"There was no {what} within {seconds:.1f} s; {count} open."
    return PermanentFailure(message, code="tab_not_found", count=count)
