"""Going on to the next execution in the transaction that ends one.

A child that has ended an execution would claim the next one at once; to do both
together saves a commit and the way through the broker. What it takes so has a message
that would lead to nothing: `dispatcher.unring` takes as many back.
"""

import time
from collections.abc import Callable

from django.db import connection

from apps.core.trips import Statement
from apps.executions.engine import claims, dispatcher, leases
from apps.executions.engine.leases import Lease
from apps.executions.engine.persistence import persistently

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
        # A commit is under way that claims one.
        self._is_claiming = False
        self.taken = 0

    def start(self) -> None:
        """Begin anew: the child has claimed one."""
        self.taken, self._is_claiming = 0, False
        self._until = time.monotonic() + LONGEST_S

    def claim(self, lease: Lease) -> list[Statement]:
        """What takes the next execution with the end of this one; nothing: none."""
        pool = self._next_pool() if lease.has_more and self._may_go_on() else None
        # The claim sets the scope for the rest of the transaction.
        if pool is None or connection.in_atomic_block:
            return []
        self._is_claiming = True
        return claims.chained(pool, leases.own_name())

    def note(self, claimed: Lease | None) -> None:
        """The commit is confirmed: this is what it claimed."""
        self._is_claiming = False
        if claimed is not None:
            self.taken += 1

    def free_unconfirmed(self) -> None:
        """Give back what was claimed by a commit that nobody confirmed, if any was."""
        if not self._is_claiming:
            return
        self._is_claiming = False
        for freed in persistently(lambda: leases.free_owned(leases.own_name())):
            if freed.status == "queued":
                dispatcher.ring(freed.execution_id, freed.pool)

    def _may_go_on(self) -> bool:
        return self.taken < LONGEST and time.monotonic() <= self._until
