"""How long an exchange may take and how much it may bring."""

import time
from dataclasses import dataclass
from datetime import timedelta

from apps.core.errors import PermanentFailure, TemporaryFailure

MAX_HEADER_BYTES = 64 * 1024
MAX_TIMEOUT_S = 24 * 3600.0


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock that ends everything still going on."""

    at: float
    timeout_s: float

    @classmethod
    def after(cls, timeout: float | timedelta) -> "Deadline":
        """The deadline `timeout` seconds (or a timedelta) from now.

        Raises:
            PermanentFailure: the time is not above 0 or is over a day.
        """
        if isinstance(timeout, timedelta):
            timeout = timeout.total_seconds()
        seconds = float(timeout)
        if not 0 < seconds <= MAX_TIMEOUT_S:
            message = f"A timeout of {seconds} s is not between 0 and {MAX_TIMEOUT_S}."
            raise PermanentFailure(message, code="invalid_request")
        return cls(time.monotonic() + seconds, seconds)

    def left_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            TemporaryFailure: `timeout`, it is over.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> TemporaryFailure:
        """The error for an exchange that did not end in time."""
        message = f"No complete answer within {self.timeout_s:g} s."
        return TemporaryFailure(message, code="timeout")


@dataclass(frozen=True)
class Limits:
    """The bounds of one call, all its redirects together."""

    deadline: Deadline
    max_bytes: int
    connect_timeout_s: float
