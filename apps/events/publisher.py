"""Numbers committed events and sends them to whoever is connected.

One publisher at a time, under an advisory lock; any process may be it. Numbers so
follow commits: whoever has seen number N never meets a smaller one later. The
table is the truth and the channel layer a hint: what is lost on the way, a client
finds by the gap in `prev` and fetches from the table.
"""

import asyncio
import json
import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime

from channels.layers import get_channel_layer
from django.db import connection

from apps.core import tenancy
from apps.core.types import JsonObject

log = logging.getLogger(__name__)

# Any number that no other advisory lock of ours uses.
_LOCK = 7_203_001
BATCH = 500
SEND_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Published:
    """One event with its number."""

    seq: int
    id: uuid.UUID
    type: str
    organization_id: uuid.UUID
    workflow_id: uuid.UUID | None
    execution_id: uuid.UUID | None
    user_id: uuid.UUID | None
    payload: JsonObject
    created_at: datetime

    @property
    def channels(self) -> list[str]:
        """The channels it belongs to, by their public names."""
        names = [f"organization-activity:{self.organization_id}"]
        if self.workflow_id is not None:
            names.append(f"workflow-status:{self.workflow_id}")
        if self.workflow_id is not None and self.execution_id is not None:
            names.append(f"workflow-execution:{self.workflow_id}")
        if self.user_id is not None:
            names.append(f"user-notifications:{self.user_id}")
        return names


def group_name(channel: str) -> str:
    """The channel layer's group of a channel; group names allow no colon."""
    return channel.replace(":", ".")


def publish_batch() -> int:
    """Number and send the events that have been committed; gives how many.

    Returns 0 when there is nothing to do or another process does it.
    """
    published = _number_batch()
    if published:
        _send(published)
    return len(published)


def _number_batch() -> list[Published]:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return []
        cursor.execute(
            "WITH batch AS (SELECT id, row_number() OVER (ORDER BY created_at, id) n"
            "  FROM (SELECT id, created_at FROM events_event WHERE seq IS NULL"
            "   ORDER BY created_at, id LIMIT %s) unpublished),"
            " found AS (SELECT count(*) AS n FROM batch HAVING count(*) > 0),"
            " numbers AS (INSERT INTO events_numbering AS kept (id, last)"
            "  SELECT 1, found.n + (SELECT COALESCE(max(seq), 0) FROM events_event)"
            "  FROM found ON CONFLICT (id) DO UPDATE"
            "  SET last = kept.last + (SELECT n FROM found)"
            "  RETURNING last - (SELECT n FROM found) AS before)"
            " UPDATE events_event e SET seq = numbers.before + batch.n"
            " FROM batch, numbers WHERE e.id = batch.id"
            " RETURNING e.seq, e.id, e.type, e.organization_id, e.workflow_id,"
            "  e.execution_id, e.user_id, e.payload::text, e.created_at",
            [BATCH],
        )
        rows = cursor.fetchall()
    return sorted((_published(row) for row in rows), key=lambda one: one.seq)


def _published(row: tuple[object, ...]) -> Published:
    values = list(row)
    values[7] = json.loads(str(values[7]))
    return Published(*values)  # type: ignore[arg-type]  # columns in field order


def _send(published: list[Published]) -> None:
    try:
        with _sending:
            _runner.run(_send_all(published))
    except Exception as error:
        # Clients that miss these find the gap and fetch them from the table.
        log.warning("channel layer does not answer", extra={"error": repr(error)[:200]})


# One event loop that is kept: to make one takes longer than to send.
_runner = asyncio.Runner()
_sending = threading.Lock()


async def _send_all(published: list[Published]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    # Numbering must go on, even when the layer neither takes them nor fails.
    async with asyncio.timeout(SEND_WITHIN_S):
        for channel, events in _by_channel(published).items():
            message = {"type": "events", "channel": channel, "events": events}
            await layer.group_send(group_name(channel), message)


def _by_channel(published: list[Published]) -> dict[str, list[JsonObject]]:
    """One message for each channel, since each costs a round trip."""
    found: dict[str, list[JsonObject]] = {}
    for event in published:
        shown = envelope(event)
        for channel in event.channels:
            found.setdefault(channel, []).append(shown)
    return found


def envelope(event: Published) -> JsonObject:
    """The event as clients see it."""
    return {
        "type": event.type,
        "id": event.seq,
        "executionId": str(event.execution_id) if event.execution_id else None,
        "workflowId": str(event.workflow_id) if event.workflow_id else None,
        "timestamp": event.created_at.isoformat(),
        **event.payload,
    }
