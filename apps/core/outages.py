"""Which errors of the database pass by themselves: whoever can should try again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error as DatabaseError
from django.db import InterfaceError, InternalError, OperationalError

# For `except`; what is caught by it and does not pass is to be raised again.
SUSPECT = (OperationalError, InterfaceError, InternalError)
# It takes no writes for now; it ended a session that slept inside a transaction.
_PASSING_STATES = frozenset({"25006", "25P03"})


def is_passing(error: BaseException | None) -> bool:
    """Whether the database only does not answer, or does not take writes, for now."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    if not isinstance(error, InternalError):
        return False
    return getattr(error.__cause__, "sqlstate", None) in _PASSING_STATES


class Calm:
    """Whether the database has answered for a while, for one who asks it often.

    Args:
        after_s: how long it has to answer without a break, from the start too.
        slow_s: an answer that takes longer is a break.
    """

    def __init__(self, after_s: float, *, slow_s: float = 5.0) -> None:
        self._after_s, self._slow_s = after_s, slow_s
        self._broken_at = time.monotonic()

    def __bool__(self) -> bool:
        return time.monotonic() - self._broken_at >= self._after_s

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask something; notes when that fails or takes long."""
        began = time.monotonic()
        try:
            yield
        except DatabaseError:
            self._broken_at = time.monotonic()
            raise
        if time.monotonic() - began > self._slow_s:
            self._broken_at = time.monotonic()
