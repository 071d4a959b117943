"""Going on to the next execution in the transaction that ends one.

A child that has ended an execution would claim the next one at once; to do both
together saves a commit and the way through the broker. What it takes so has a message
that is still to come and then leads to nothing: the child drops as many unseen.
"""

import time
from collections.abc import Callable

# After so many the child looks up: Celery counts tasks, and may want to replace it.
LONGEST = 20
# Messages that were to come do so in a moment. Later ones are about something else.
SURPLUS_FOR_S = 1.0


class Chain:
    """How far a child may go on without looking up.

    Args:
        next_pool: where the next one may be taken from; None: nowhere.

    Attributes:
        taken: how many were taken with the end of another since `start`.
    """

    def __init__(self, next_pool: Callable[[], str | None] = lambda: None) -> None:
        self._next_pool = next_pool
        self.taken = 0

    def start(self) -> None:
        """Begin anew: the child has claimed one."""
        self.taken = 0

    def pool(self) -> str | None:
        """Where to take the next one from; None: it should not."""
        return self._next_pool() if self.taken < LONGEST else None


class Surplus:
    """How many messages of a queue need not be answered.

    There are at least as many messages as queued executions. Whatever is claimed
    without a message leaves one too many, whichever it is.
    """

    def __init__(self) -> None:
        self._queue = ""
        self._count = 0
        self._until = 0.0

    def add(self, queue: str, count: int) -> None:
        """So many were taken without a message of this queue."""
        self._queue, self._count = queue, count
        self._until = time.monotonic() + SURPLUS_FOR_S

    def spend(self, queue: str) -> bool:
        """Whether this message is one too many."""
        is_one = self._count > 0 and queue == self._queue
        if not is_one or time.monotonic() > self._until:
            return False
        self._count -= 1
        return True
