"""Going on to the next execution in the transaction that ends one.

A child that has ended an execution would claim the next one at once; to do both
together saves a commit and the way through the broker. What it takes so has a message
that would lead to nothing: `dispatcher.unring` takes as many back.
"""

import time
from collections.abc import Callable

# After so many, or so long, the child looks up: Celery counts tasks, and may want to
# replace it.
LONGEST = 20
LONGEST_S = 10.0


class Chain:
    """How far a child may go on without looking up.

    Args:
        next_pool: where the next one may be taken from; None: nowhere.

    Attributes:
        taken: how many were taken with the end of another since `start`.
    """

    def __init__(self, next_pool: Callable[[], str | None] = lambda: None) -> None:
        self._next_pool = next_pool
        self._until = 0.0
        self.taken = 0

    def start(self) -> None:
        """Begin anew: the child has claimed one."""
        self.taken = 0
        self._until = time.monotonic() + LONGEST_S

    def pool(self) -> str | None:
        """Where to take the next one from; None: it should not."""
        if self.taken >= LONGEST or time.monotonic() > self._until:
            return None
        return self._next_pool()
