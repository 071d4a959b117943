"""Reads of published events, by channel.

What is seen is what the open scope allows: `tenancy.tenant` or `tenancy.system`.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

from apps.events.channels import EXECUTIONS, ORGANIZATION, STATUS, USER, Channel
from apps.events.published import COLUMNS, Linked, Published, linked, published

_NEWEST = 2**63 - 1

# Each condition is the beginning of an index that goes on with the number.
_OF_CHANNEL = {
    ORGANIZATION: "e.organization_id = {0}.id",
    STATUS: "e.workflow_id = {0}.id",
    EXECUTIONS: "e.workflow_id = {0}.id AND e.execution_id IS NOT NULL",
    USER: "e.user_id = {0}.id AND e.organization_id = {0}.organization_id",
}
_LAST_OF = " ".join(
    f"WHEN '{kind}' THEN (SELECT e.seq FROM events_event e"  # noqa: S608  # constants
    f" WHERE {condition.format('asked')} AND e.seq < %(before)s"
    " ORDER BY e.seq DESC LIMIT 1)"
    for kind, condition in _OF_CHANNEL.items()
)
_LAST = f"""
    SELECT asked.kind, asked.id, asked.organization_id, CASE asked.kind {_LAST_OF} END
    FROM unnest(%(kinds)s::text[], %(ids)s::uuid[], %(organizations)s::uuid[])
        AS asked (kind, id, organization_id)
"""  # noqa: S608  # constants


def last_ids(
    channels: Sequence[Channel], *, before: int = _NEWEST
) -> dict[Channel, int]:
    """The number of the last event of each channel below `before`; 0 for none."""
    if not channels:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _LAST,
            {
                "kinds": [one.kind for one in channels],
                "ids": [one.id for one in channels],
                "organizations": [one.organization_id for one in channels],
                "before": before,
            },
        )
        return {Channel(*row[:3]): row[3] or 0 for row in cursor.fetchall()}


def events_after(channel: Channel, after: int, *, limit: int) -> list[Linked]:
    """The events of a channel with numbers above `after`, in order."""
    condition = _OF_CHANNEL[channel.kind].format("asked")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM (SELECT %(id)s::uuid AS id,"  # noqa: S608  # constants
            " %(organization)s::uuid AS organization_id) AS asked"
            f" JOIN events_event e ON {condition}"
            " WHERE e.seq > %(after)s ORDER BY e.seq LIMIT %(limit)s",
            {
                "id": channel.id,
                "organization": channel.organization_id,
                "after": after,
                "limit": limit,
            },
        )
        found = [published(row) for row in cursor.fetchall()]
    if not found:
        return []
    prev = last_ids([channel], before=found[0].seq)[channel]
    return in_line(found, prev)


def in_line(events: Iterable[Published], prev: int) -> list[Linked]:
    """Events of one channel, each with the number of the one before it."""
    found = []
    for event in events:
        found.append(linked(event, prev))
        prev = event.seq
    return found


def count_after(channel: Channel, after: int, *, most: int) -> int:
    """How many events of a channel have numbers above `after`; counts to `most`."""
    condition = _OF_CHANNEL[channel.kind].format("asked")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM (SELECT %(id)s::uuid AS id,"  # noqa: S608  # constants
            " %(organization)s::uuid AS organization_id) AS asked"
            f" JOIN events_event e ON {condition}"
            " WHERE e.seq > %(after)s LIMIT %(most)s) AS counted",
            {
                "id": channel.id,
                "organization": channel.organization_id,
                "after": after,
                "most": most,
            },
        )
        return int(cursor.fetchone()[0])


def span() -> tuple[int, int]:
    """The lowest number that was not pruned, and the last that was given.

    Both of the whole platform; the lowest needs `tenancy.system()`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT min(seq) FROM events_event),"
            " (SELECT max(last) FROM events_numbering)"
        )
        oldest, newest = cursor.fetchone()
    last = newest or 0
    return oldest or last + 1, last


def newest_since(number: int) -> dict[Channel, int]:
    """The last event above `number` of each channel that has one.

    Needs `tenancy.system()`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organization_id, workflow_id, user_id, execution_id IS NOT NULL,"
            " max(seq) FROM events_event WHERE seq > %s GROUP BY 1, 2, 3, 4",
            [number],
        )
        rows = cursor.fetchall()
    found: dict[Channel, int] = {}
    for organization, workflow, user, is_execution, newest in rows:
        channels = [Channel(ORGANIZATION, organization, organization)]
        if workflow:
            channels.append(Channel(STATUS, workflow, organization))
            if is_execution:
                channels.append(Channel(EXECUTIONS, workflow, organization))
        if user:
            channels.append(Channel(USER, user, organization))
        for channel in channels:
            found[channel] = max(found.get(channel, 0), newest)
    return found


def numbered_after(number: int, *, limit: int) -> list[Published]:
    """The published events after `number`, of all organizations, in order.

    Needs `tenancy.system()`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM events_event e WHERE e.seq > %s"  # noqa: S608  # constants
            " ORDER BY e.seq LIMIT %s",
            [number, limit],
        )
        return [published(row) for row in cursor.fetchall()]
