"""How long what a browser is asked for may take, and asking again meanwhile."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from apps.core.errors import TemporaryFailure
from apps.steps.browser.failures import PageChanged

T = TypeVar("T")

# Kept back of a step's time, for its error message and screenshot.
_RESERVE_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.1
_STEADY_S = 5.0


class Patience:
    """The times of one execution's browser.

    Args:
        command_s: seconds that a command may take.

    Attributes:
        deadline: `time.monotonic()` value after which no command goes on.
    """

    def __init__(self, command_s: float) -> None:
        self.command_s = command_s
        self.deadline: float | None = None

    @contextlib.contextmanager
    def limited_to(self, seconds: float) -> Iterator[None]:
        """Give each command this time instead of the usual."""
        usual, self.command_s = self.command_s, seconds
        try:
            yield
        finally:
            self.command_s = usual

    def poll(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Ask until there is an answer; None when there was none in time."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE_S
        while True:
            with contextlib.suppress(PageChanged):
                if (found := look()) is not None:
                    return found
            if time.monotonic() + pause > deadline:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def steadily(self, look: Callable[[], T]) -> T:
        """The answer of something that only a change of page can disturb.

        Raises:
            TemporaryFailure: `page_changing`, it never stood still.
        """
        found = self.poll(lambda: (look(),), self.within_step(_STEADY_S))
        if found is None:
            message = "The page kept on changing while it was looked at."
            raise TemporaryFailure(message, code="page_changing")
        return found[0]

    def within_step(self, seconds: float) -> float:
        """Of a wish for time, what the step's own time leaves for it."""
        if self.deadline is None:
            return seconds
        left = self.deadline - time.monotonic()
        return max(0.05, min(seconds, left - min(_RESERVE_S, left * 0.2)))
