"""What an expression can see: names in frames, a clock and a source of chance."""

import random
from collections import ChainMap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.core.expressions import limits
from apps.core.expressions.errors import ExpressionError

Clock = Callable[[], datetime]
Entropy = Callable[[], random.Random]


def _system_clock() -> datetime:
    return datetime.now(UTC)


class Scope:
    """Names in frames, the innermost first, and what `now()` and `random()` use.

    A value may be JSON, or a Mapping that is no dict: such a one is looked up key
    by key when an expression asks, and is never listed or rendered whole.

    Args:
        names: the outermost frame.
        clock: the aware time that `now()` gives.
        entropy: the generator behind `random()`, `randint()` and `uuid()`; supply a
            seeded one where a replay must give the same values.
    """

    __slots__ = ("built", "clock", "entropy", "frames")

    def __init__(
        self,
        names: Mapping[str, Any],
        *,
        clock: Clock = _system_clock,
        entropy: Entropy = random.SystemRandom,
    ) -> None:
        self.frames: tuple[Mapping[str, Any], ...] = (names,)
        self.clock = clock
        self.entropy = entropy
        self.built = 0

    def charge(self, size: int) -> None:
        """Count what the current evaluation builds or reads, in bytes, roughly.

        Raises:
            ExpressionError: it is more than one evaluation may take.
        """
        self.built += size
        if self.built > limits.MAX_BUILT_BYTES:
            raise ExpressionError("the expression builds or reads too much data")

    def child(self, names: Mapping[str, Any]) -> "Scope":
        """A scope that sees `names` first and then all that this one sees."""
        inner = Scope.__new__(Scope)
        inner.frames = (names, *self.frames)
        inner.clock = self.clock
        inner.entropy = self.entropy
        inner.built = 0
        return inner

    @property
    def names(self) -> Mapping[str, Any]:
        """All names in reach, inner ones over outer ones."""
        return ChainMap(*self.frames)  # type: ignore[arg-type]  # only read from
