"""What the children of a worker do when the bell rings, and when it does not."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import Error as DatabaseError
from django.db import close_old_connections

from apps.executions.engine import worker
from apps.executions.engine.broker import BrokerError
from apps.executions.engine.dispatcher import publish_to, unring
from apps.executions.engine.reconciler import is_any_missed
from apps.executions.engine.runner import run_next
from apps.executions.engine.slots import Flag

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
LOOK_IN_OUTAGE_EVERY_S = 1.0
# A worker that takes nothing gives messages back no faster than this.
GIVE_BACK_AFTER_S = 0.5


def answer(execution_id: str, queue: str) -> None:
    """The bell rang: run the execution whose turn it is, if we may take any."""
    if worker.TABLE.may_take:
        place = worker.place()
        try:
            if run_next(worker.pools(), place) and place.chain.taken:
                unring(worker.pools()[0], place.chain.taken)
        except DatabaseError:
            # The next claim has a new connection; what was missed, the idle find.
            close_old_connections()
            raise
        return
    # Another worker may. If there is none, the reconciler rings when there is.
    time.sleep(GIVE_BACK_AFTER_S)
    with suppress(BrokerError):
        publish_to(queue, execution_id)


def pause_s() -> float:
    """How long an idle child waits for the bell before it looks by itself."""
    if worker.TABLE.has(Flag.OUTAGE):
        return LOOK_IN_OUTAGE_EVERY_S
    # Children of one worker look at different times, so the first finds it sooner.
    return LOOK_EVERY_S * random.uniform(0.5, 1.5)  # noqa: S311  # no secret


def look(has_message: Callable[[], bool]) -> None:
    """Run what was missed, one after the other, until a message comes."""
    if not worker.TABLE.may_take:
        return
    try:
        close_old_connections()
        if worker.TABLE.has(Flag.OUTAGE) or is_any_missed(worker.pools()):
            _run_all(has_message)
    except DatabaseError as error:
        log.warning("database does not answer", extra={"error": repr(error)[:200]})
        close_old_connections()
    except Exception:
        # The child must outlive it, as it outlives a task that fails.
        log.exception("idle child stumbled")


def _run_all(has_message: Callable[[], bool]) -> None:
    while worker.TABLE.may_take and run_next(worker.pools(), worker.place()):
        if has_message():
            return
        close_old_connections()
