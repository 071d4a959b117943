"""What the table knows: the past of a channel, and what the channel layer lost."""

from apps.core import tenancy
from apps.core.errors import Conflict
from apps.events import selectors as events
from apps.events.channels import Channel
from apps.events.published import Linked

PAGE = 500


def newest(channel: Channel) -> int:
    """The last event of a channel, 0 for none."""
    with tenancy.tenant(channel.organization_id):
        return events.last_ids([channel])[channel]


def page(channel: Channel, after: int) -> list[Linked]:
    """The next events of a channel, up to `PAGE`."""
    with tenancy.tenant(channel.organization_id):
        return events.events_after(channel, after, limit=PAGE)


def check_replay(channel: Channel, after: int, *, most: int) -> None:
    """See that all events of a channel after this one are there, and not too many.

    Raises:
        Conflict: some were deleted, they are too many, or there never was such an id.
    """
    with tenancy.system():
        oldest, last = events.span()
        count = events.count_after(channel, after, most=most + 1)
    if after > last:
        # The database was restored from a backup, or the id is another platform's.
        raise Conflict(
            "There is no such event: fetch the state by REST and subscribe anew.",
            code="unknown_event",
            newest_event_id=last,
        )
    if after + 1 < oldest or count > most:
        raise Conflict(
            "That is too long ago: fetch the state by REST and subscribe anew.",
            code="replay_too_long",
            oldest_event_id=oldest,
            most_events=most,
        )
