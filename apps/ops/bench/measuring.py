"""Numbers from repeated measurements, and how an end is seen without disturbing it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LOOK_EVERY_S = 0.0003
PATIENCE_S = 300.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which the share (0..1) of the values lies, by nearest rank."""
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def latencies(seconds: Sequence[float], prefix: str = "") -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    return {
        f"{prefix}p50_ms": percentile(seconds, 0.50) * 1000,
        f"{prefix}p95_ms": percentile(seconds, 0.95) * 1000,
    }


def summary(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Median, min and max of each figure over the rounds."""
    return {
        name: {
            "median": _short(statistics.median(one[name] for one in rounds)),
            "min": _short(min(one[name] for one in rounds)),
            "max": _short(max(one[name] for one in rounds)),
        }
        for name in rounds[0]
    }


def _short(number: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{number:.4g}") if abs(number) < 1000 else round(number)


class Watch:
    """Waits for ends that come after about the same time each.

    It sleeps most of the shortest time seen so far and looks often only then: to look
    all the time would take the processor from what is measured, to look seldom would
    add to the latency.
    """

    def __init__(self) -> None:
        self._shortest = 0.0

    def time(
        self, submit: Callable[[], Any], has_ended: Callable[[Any], bool]
    ) -> float:
        """Seconds from before `submit` until `has_ended` says yes of what it gave.

        Raises:
            TimeoutError: it never does.
        """
        began = time.perf_counter()
        submitted = submit()
        left = self._shortest * 0.8 - (time.perf_counter() - began)
        time.sleep(max(left, 0.0))
        while not has_ended(submitted):
            if time.perf_counter() - began > PATIENCE_S:
                raise TimeoutError(f"no end after {PATIENCE_S:.0f} s")
            time.sleep(LOOK_EVERY_S)
        took = time.perf_counter() - began
        self._shortest = min(self._shortest or took, took)
        return took


def wait_for(happens: Callable[[], bool], *, every_s: float = 0.05) -> None:
    """Look now and then until it happens.

    Raises:
        TimeoutError: it never does.
    """
    give_up = time.monotonic() + PATIENCE_S
    while not happens():
        if time.monotonic() > give_up:
            raise TimeoutError(f"did not happen within {PATIENCE_S:.0f} s")
        time.sleep(every_s)
