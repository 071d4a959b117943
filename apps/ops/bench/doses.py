"""How much work each case does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dose:
    """The amounts of one round.

    Attributes:
        burst: executions submitted at once.
        samples: executions run one at a time.
        loop: steps of the long execution.
        requests: webhook calls of 50 clients together.
        rush: webhook calls at once, each on a connection of its own.
        writes: executions of ten POSTs each.
        rest_s: how long the idle stack is looked at.
    """

    burst: int = 500
    samples: int = 100
    loop: int = 1_000
    requests: int = 1_000
    rush: int = 500
    writes: int = 100
    rest_s: float = 10.0


FULL = Dose()
QUICK = Dose(burst=5, samples=3, loop=20, requests=10, rush=5, writes=2, rest_s=1.0)
"""Shows that it works; its figures mean nothing."""

DOSES = {"full": FULL, "quick": QUICK}
