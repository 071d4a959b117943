"""Tells subscribers of events, in the order of their numbers, each just once."""

import logging
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.db import connection
from django.utils.module_loading import import_string

from apps.core import tenancy
from apps.events import selectors
from apps.events.models import Progress
from apps.events.published import Published
from apps.events.subscribers import SUBSCRIBERS

log = logging.getLogger(__name__)

BATCH = 500

Subscriber = Callable[[list[Published]], None]


def tell_all() -> int:
    """Tell each subscriber of its next events; gives how many were told at most.

    Any number of processes may call it: the progress of a subscriber is locked while
    it is told. One that fails holds up no other.
    """
    return max((_tell_safely(name) for name in SUBSCRIBERS), default=0)


def _tell_safely(name: str) -> int:
    try:
        return tell(name, import_string(name))
    except DatabaseError:
        raise
    except Exception:
        log.exception("subscriber stumbled", extra={"subscriber": name})
        return 0


def tell(name: str, subscriber: Subscriber) -> int:
    """Tell one subscriber of its next events; gives how many.

    One that was not known before hears what is published from now on.
    """
    with tenancy.system():
        locked = Progress.objects.select_for_update(skip_locked=True)
        progress = locked.filter(name=name).first()
        if progress is None:  # somebody else tells it, or it is not known yet
            _begin(name)
            return 0
        events = selectors.numbered_after(progress.last, limit=BATCH)
        if events:
            subscriber(events)
            progress.last = events[-1].seq
            progress.save(update_fields=["last"])
        return len(events)


def _begin(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_progress (name, last)"
            " SELECT %s, COALESCE(max(last), 0) FROM events_numbering"
            " ON CONFLICT (name) DO NOTHING",
            [name],
        )
