"""Doing things in the database that must not fail for a blip of it."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import close_old_connections

from apps.core import outages

log = logging.getLogger(__name__)

# How long it is tried again when the database does not answer.
PATIENCE_S = 300.0

T = TypeVar("T")


def persistently(work: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """Do `work`, again and again while the database does not answer.

    A success must never become a failure by a blip of the database. `work` may have
    been committed though it raised, so doing it twice must be harmless.

    Raises:
        DatabaseError: it did not come back in time, or refused for another reason.
    """
    give_up = time.monotonic() + patience_s
    pause = 0.05
    while True:
        try:
            return work()
        except outages.SUSPECT as error:
            if not outages.is_passing(error) or time.monotonic() > give_up:
                raise
            log.warning("database does not answer", extra={"retry_in_s": pause})
            close_old_connections()
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
