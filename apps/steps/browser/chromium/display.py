"""The display that a browser with a window needs."""

import os
import sys

from apps.core.errors import PermanentFailure


def require_display() -> None:
    """Pass where windows can be opened.

    Raises:
        PermanentFailure: `no_display`.
    """
    # Elsewhere each session of a user has its display, and nothing names it.
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise no_display("DISPLAY is not set")


def no_display(why: str) -> PermanentFailure:
    """The failure of a browser whose window has no place."""
    return PermanentFailure(
        f"A browser with a window (settings.browser.headless: false) needs a display "
        f"on the worker, and {why}. Start the worker below an X server, as with "
        "`xvfb-run -a manage.py worker`, or leave out `headless: false`.",
        code="no_display",
    )
