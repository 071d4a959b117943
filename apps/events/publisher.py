"""Numbers committed events and sends them to whoever is connected.

One publisher at a time, under an advisory lock; any process may be it. Numbers so
follow commits: whoever has seen number N never meets a smaller one later. The
table is the truth and the channel layer a hint: what is lost on the way is found by
the gap in `prev` and fetched from the table.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping

from channels.layers import get_channel_layer
from django.db import connection

from apps.core import tenancy
from apps.events import selectors
from apps.events.channels import Channel
from apps.events.published import COLUMNS, Linked, Published, linked, published

log = logging.getLogger(__name__)

# Any number that no other advisory lock of ours uses.
_LOCK = 7_203_001
BATCH = 500
SEND_WITHIN_S = 5.0
# Channels whose last event is kept in mind; more than are busy at a time.
_REMEMBERED = 50_000

_NUMBER = f"""
    WITH batch AS (SELECT id, row_number() OVER (ORDER BY created_at, id) n
        FROM (SELECT id, created_at FROM events_event WHERE seq IS NULL
            ORDER BY created_at, id LIMIT %s) unpublished),
    found AS (SELECT count(*) AS n FROM batch HAVING count(*) > 0),
    numbers AS (INSERT INTO events_numbering AS kept (id, last)
        SELECT 1, found.n + (SELECT COALESCE(max(seq), 0) FROM events_event)
        FROM found ON CONFLICT (id) DO UPDATE
        SET last = kept.last + (SELECT n FROM found)
        RETURNING last - (SELECT n FROM found) AS before)
    UPDATE events_event e SET seq = numbers.before + batch.n
    FROM batch, numbers WHERE e.id = batch.id RETURNING {COLUMNS}
"""  # noqa: S608  # names of columns only


def publish_batch() -> int:
    """Number and send the events that have been committed; gives how many.

    Returns 0 when there is nothing to do or another process does it.
    """
    with _publishing:
        events, before = _number_batch()
        if events:
            _send(_ends.chained(events, before))
    return len(events)


def _number_batch() -> tuple[list[Published], dict[Channel, int]]:
    """The events that have numbers now, and the last ones before them by channel."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return [], {}
        cursor.execute(_NUMBER, [BATCH])
        events = [published(row) for row in cursor.fetchall()]
        events.sort(key=lambda one: one.seq)
        if not events:
            return [], {}
        unknown = _ends.unknown(events)
        return events, selectors.last_ids(unknown, before=events[0].seq)


class _Ends:
    """The last event of each channel, kept from one batch to the next.

    The table is asked only for channels that are not kept: with many events a second,
    for almost none. When another process published in between, nothing is kept.
    """

    def __init__(self) -> None:
        self._number = 0
        self._last: dict[Channel, int] = {}

    def unknown(self, events: list[Published]) -> list[Channel]:
        """Channels of the next batch whose last event is not kept."""
        if events[0].seq != self._number + 1 or len(self._last) > _REMEMBERED:
            self._last.clear()
        channels = {channel for event in events for channel in event.channels}
        return [channel for channel in channels if channel not in self._last]

    def chained(
        self, events: list[Published], before: Mapping[Channel, int]
    ) -> dict[Channel, list[Linked]]:
        """The events of a committed batch at their places in each channel."""
        self._last.update(before)
        self._number = events[-1].seq
        found: dict[Channel, list[Linked]] = {}
        for event in events:
            shown = linked(event, 0)
            for channel in event.channels:
                place = shown._replace(prev=self._last.get(channel, 0))
                found.setdefault(channel, []).append(place)
                self._last[channel] = event.seq
        return found


_ends = _Ends()
_publishing = threading.Lock()
# One event loop that is kept: to make one takes longer than to send.
_runner = asyncio.Runner()


def _send(channels: Mapping[Channel, list[Linked]]) -> None:
    try:
        _runner.run(_send_all(channels))
    except Exception as error:
        # Clients that miss these find the gap and fetch them from the table.
        log.warning("channel layer does not answer", extra={"error": repr(error)[:200]})


async def _send_all(channels: Mapping[Channel, list[Linked]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    # Numbering must go on, even when the layer neither takes them nor fails.
    async with asyncio.timeout(SEND_WITHIN_S):
        # One message for each channel, since each costs a round trip.
        for channel, events in channels.items():
            message = {"type": "events", "group": channel.group, "events": events}
            await layer.group_send(channel.group, message)
