"""When a failed delivery is tried again."""

import random

_MINUTE, _HOUR = 60.0, 3600.0
# About a day in all.
PAUSES_S = (
    *(5.0, _MINUTE, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 8 * _HOUR, 8 * _HOUR),
)
_JITTER = 0.2


def pause_s(tries: int, retry_after_s: float | None = None) -> float | None:
    """Seconds until the next attempt after so many; None: there is none.

    What the receiver asks for is waited for when it is longer; at most the longest
    pause there is.
    """
    if tries > len(PAUSES_S):
        return None
    pause = PAUSES_S[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # no secret
    return max(pause, min(retry_after_s or 0.0, PAUSES_S[-1]))
