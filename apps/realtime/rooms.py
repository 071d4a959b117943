"""One channel in one process: who hears it, and up to which event."""

from collections.abc import Sequence

from apps.events.channels import Channel
from apps.events.published import Linked
from apps.realtime.frames import Chunk, event_chunk
from apps.realtime.wires import Wire


class Member:
    """One subscription of one client.

    Attributes:
        position: the last event that was sent to it.
    """

    __slots__ = ("position", "wire")

    def __init__(self, wire: Wire, position: int) -> None:
        self.wire = wire
        self.position = position

    def take(self, chunk: Chunk) -> None:
        """Send what it has not had; the chunk is not empty."""
        ids = chunk.ids
        if self.position < ids[0]:
            self.wire.write(chunk)
        elif self.position < ids[-1]:
            self.wire.write(chunk.after(self.position))
        else:
            return
        self.position = ids[-1]


class Room:
    """One channel with its members.

    Events come in order, each naming the one before it. One that does not fit shows
    that something was lost on the way: then `is_behind`, and nothing is delivered
    until what is missing was read from the table.

    Attributes:
        users: subscriptions that hold it, those that still catch up too.
        live: members that get what comes.
        last: the newest event that was delivered; None until the table was asked.
        seen: the newest event heard of.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.users = 0
        self.live: set[Member] = set()
        self.last: int | None = None
        self.seen = 0

    @property
    def is_behind(self) -> bool:
        """Whether events are known of that were not delivered."""
        return self.last is not None and self.seen > self.last

    def hear(self, events: Sequence[Linked]) -> list[Linked]:
        """Those of the events that are new and follow on what was delivered."""
        newest = events[-1].id
        if self.last is None or self.is_behind:
            self.seen = max(self.seen, newest)
            return []
        fresh = [one for one in events if one.id > self.last]
        if fresh and fresh[0].prev > self.last:
            self.seen = max(self.seen, newest)
            return []
        return fresh

    def deliver(self, events: Sequence[Linked], names: dict[str, str]) -> None:
        """Send events, which follow on the last ones, to all who are live."""
        made = event_chunk(self.channel.name, events, names)
        for member in self.live:
            member.take(made)
        self.last = events[-1].id
        self.seen = max(self.seen, self.last)

    def tell(self, chunk: Chunk) -> None:
        """Send what is outside the sequence to all who are live."""
        for member in self.live:
            member.wire.write(chunk)

    def admit(self, member: Member) -> bool:
        """Let the member hear what comes, if it has all that was delivered.

        Asked and done without a pause: nothing can come in between. So no event is
        missed at the seam, and none comes twice.
        """
        if self.last is None or member.position < self.last:
            return False
        self.live.add(member)
        return True
