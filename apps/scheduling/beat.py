"""The beat process: celery-beat's scheduler, and the loops that never wait for it.

System jobs are `PeriodicTask` rows of django-celery-beat. Beside them this process
runs the loops that keep the first promise, in threads of their own: the reconciler,
the waker of parked executions, the publisher of events, the teller of subscribers,
the bell of webhooks, and the pruners of what was kept long enough. Each is safe in
any number, so any number of beats may run.
"""

import logging
import threading
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django_celery_beat.schedulers import DatabaseScheduler

from apps.core import heartbeats, tenancy
from apps.events.publisher import BATCH, publish_batch
from apps.events.telling import BATCH as TOLD
from apps.events.telling import tell_all
from apps.executions.engine.reconciler import Reconciler, look_twice, wake_due
from apps.executions.retention import prune_if_due
from apps.webhooks import bell, pruning

log = logging.getLogger(__name__)

HEARTBEAT = "scheduler"
BEAT_EVERY_S = 5.0
PUBLISH_EVERY_S = 0.1
WAKE_EVERY_S = 0.5
RECONCILE_EVERY_S = 2.0
LOOK_TWICE_EVERY_S = 60.0
# How often it asks whether a pass is due; that is once an hour.
PRUNE_EVERY_S = 60.0
TELL_EVERY_S = 0.5
WEBHOOKS_EVERY_S = 1.0


class Loop(threading.Thread):
    """Calls `work` again and again, whatever happens in it.

    Args:
        every_s: pause between two calls; none while `work` finds something to do.
        work: gives how much it did, or None when it cannot say.
    """

    def __init__(
        self, name: str, every_s: float, work: Callable[[], int | None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._every_s = every_s
        self._work = work
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            if not self._once():
                self._stopping.wait(self._every_s)
        connections.close_all()

    def stop(self) -> None:
        """End after the current call."""
        self._stopping.set()

    def _once(self) -> int | None:
        try:
            close_old_connections()
            return self._work()
        except DatabaseError as error:
            log.warning(
                "database does not answer",
                extra={"loop": self.name, "error": repr(error)[:200]},
            )
        except Exception:
            # The loop must outlive every fault: others wait for what it does.
            log.exception("loop stumbled", extra={"loop": self.name})
        return None


def loops() -> list[Loop]:
    """The loops of a beat process, not yet started."""
    return [
        Loop("publisher", PUBLISH_EVERY_S, _publish),
        Loop("waker", WAKE_EVERY_S, wake_due),
        Loop("reconciler", RECONCILE_EVERY_S, Reconciler()),
        Loop("second look", LOOK_TWICE_EVERY_S, look_twice),
        Loop("pruner", PRUNE_EVERY_S, prune_if_due),
        Loop("teller", TELL_EVERY_S, lambda: int(tell_all() == TOLD)),
        Loop("webhooks", WEBHOOKS_EVERY_S, bell.ring),
        Loop("pruner of deliveries", PRUNE_EVERY_S, pruning.prune_if_due),
        Loop("heartbeat", BEAT_EVERY_S, lambda: heartbeats.beat(HEARTBEAT)),
    ]


def _publish() -> int:
    """Publish a batch; there may be more only when it was a whole one.

    What comes in the next moment is left for the next one: each costs a transaction
    and a round trip for every channel, however small it is.
    """
    return int(publish_batch() == BATCH)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped base
    """celery-beat's scheduler that starts our loops beside itself."""

    _loops: tuple[Loop, ...] = ()

    def setup_schedule(self) -> None:
        """Read the schedule; start the loops in the process that really beats."""
        super().setup_schedule()
        tenancy.assert_bound_role()
        if not self._loops:
            self._loops = tuple(loops())
            for loop in self._loops:
                loop.start()

    def close(self) -> None:
        """Stop the loops and the scheduler."""
        for loop in self._loops:
            loop.stop()
        super().close()
