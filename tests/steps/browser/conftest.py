"""What the tests of browser steps share: one real browser a module."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.errors import RpaError
from apps.steps.context import StepContext
from tests.fixtures_browser import browser, host, site

__all__ = ["browser", "failure_of", "host", "on_page", "site"]


@pytest.fixture
def on_page(run_step, step_ctx, browser) -> Callable[..., Any]:
    """Runs a browser step on the open page; gives its output and its context."""

    def run(name: str, /, **params: Any) -> tuple[Any, StepContext]:
        ctx = step_ctx(browser=browser)
        return run_step(name, params, ctx), ctx

    return run


@pytest.fixture
def failure_of(run_step, step_ctx, browser) -> Callable[..., RpaError]:
    """Runs a browser step that fails; gives its error."""

    def run(name: str, /, **params: Any) -> RpaError:
        with pytest.raises(RpaError) as caught:
            run_step(name, params, step_ctx(browser=browser))
        return caught.value

    return run
