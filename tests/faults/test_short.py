"""The quick faults of the matrix, each in its short dose, one after the other.

All of them, in their full doses: `manage.py faults --doses full`.
"""

from collections.abc import Iterator

import pytest

from tests.faults import report, stack
from tests.faults.case import matrix
from tests.faults.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
QUICK = {number: one for number, one in matrix().items() if one.is_quick}
PLAYED = [
    pytest.param(number, marks=[pytest.mark.long] if one.is_long else [])
    for number, one in QUICK.items()
]


class Platforms:
    """The platform that all faults share, until one leaves it broken."""

    def __init__(self) -> None:
        self._running = stack.running()
        self.current: Stack | None = None

    def get(self) -> Stack:
        """A platform that is whole."""
        if self.current is None:
            self.current = self._running.__enter__()
        else:
            self._heal(self.current)
        assert self.current is not None
        return self.current

    def _heal(self, current: Stack) -> None:
        try:
            current.heal()
        except (TimeoutError, OSError, RuntimeError):
            self.close()
            self._running = stack.running()
            self.current = self._running.__enter__()

    def close(self) -> None:
        """Stop and remove it."""
        if self.current is not None:
            self.current = None
            self._running.__exit__(None, None, None)


@pytest.fixture(scope="module")
def platforms() -> Iterator[Platforms]:
    """Starts platforms when they are needed."""
    made = Platforms()
    yield made
    made.close()


@pytest.mark.parametrize("number", PLAYED)
def test_nothing_is_lost_or_doubled_when(number: str, platforms: Platforms) -> None:
    row = report.play(QUICK[number], platforms.get(), "short")
    if row.not_run:
        pytest.skip(row.not_run)
    assert row.is_good, "\n".join([QUICK[number].title, *row.problems])
    assert row.verdict.submitted >= 60
