"""All clients of one process, and the one ear by which it hears of events.

The process has one channel of the channel layer, which joins the group of each
channel that somebody here listens to. Each event is made ready once and then written
to all. The layer may lose messages: what does not follow on the last event, and what
the table shows to be missing, is read from the table before anything else is sent.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import redis
from channels.layers import get_channel_layer
from django.db import DatabaseError

from apps.accounts.standing import Holder, still
from apps.core import tenancy
from apps.events import selectors as events
from apps.events.channels import Channel
from apps.events.published import Linked
from apps.realtime import replay
from apps.realtime.client import Client
from apps.realtime.frames import hint_chunk
from apps.realtime.limits import limits
from apps.realtime.names import Names
from apps.realtime.presence import Presence
from apps.realtime.rooms import Room
from apps.realtime.threads import in_thread

log = logging.getLogger(__name__)

_TICK_S = 0.25
_PRESENCE_S, _PRESENCE_SOON_S = 5.0, 1.0
# A room that was left is kept so long: a page that is loaded anew finds it.
_LINGER_S = 1.0
# How long a subscription waits for the channel layer; then the table alone has to do.
_LISTEN_WITHIN_S = 1.0
_AGAIN_S = 1.0


class Hub:
    """The clients and rooms of one event loop."""

    def __init__(self) -> None:
        self.limits = limits()
        self.names = Names()
        self.clients: set[Client] = set()
        self._presence = Presence()
        self._tell_at, self._told = 0.0, Counter[str]()
        self._rooms: dict[str, Room] = {}
        self._layer: Any = get_channel_layer()
        self._ear: str | None = None
        # Up to which number the table was looked at, and what was found there.
        self._looked: int | None = None
        self._found: dict[Channel, int] = {}
        # Kept here: the loop itself holds tasks by weak references only.
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: dict[Room, asyncio.Task[None]] = {}
        self._healing: set[Room] = set()
        self._spawn(self._hear_always())
        self._every(_TICK_S, self._tick)
        self._every(self.limits.look_s, self._look)
        self._every(self.limits.recheck_s, self._recheck)
        self._every(_PRESENCE_SOON_S, self._be_present)

    # --- clients ------------------------------------------------------------------

    def has_place_for(self, holder: Holder) -> bool:
        """Whether one more connection of this user or key is let in."""
        who = _who(holder)
        here = self._users()[who]
        return here + self._presence.others[who] < self.limits.connections_per_user

    def _users(self) -> Counter[str]:
        return Counter(_who(one.holder) for one in self.clients if one.holder)

    async def _tick(self) -> None:
        now = time.monotonic()
        for client in tuple(self.clients):
            client.tick(now)

    async def _recheck(self) -> None:
        """Look at everybody's rights again."""
        known = [client for client in self.clients if client.holder]
        if not known:
            return
        viewers = await in_thread(still, [one.holder for one in known if one.holder])
        for client in known:
            if client.holder is not None and client in self.clients:
                client.renew(viewers.get(client.holder.key))

    async def _be_present(self) -> None:
        now, users = time.monotonic(), self._users()
        if now >= self._tell_at or users != self._told:
            self._tell_at, self._told = now + _PRESENCE_S, users
            await in_thread(self._presence.tell, len(self.clients), users, self._ear)

    # --- rooms --------------------------------------------------------------------

    async def join(self, channel: Channel) -> Room:
        """The room of a channel, opened if need be; `leave` gives it back.

        Raises:
            DatabaseError: it cannot be opened.
        """
        room = self._rooms.get(channel.group)
        if room is None:
            room = self._rooms[channel.group] = Room(channel)
            self._listening[room] = self._spawn(self._listen(room))
        room.users += 1
        try:
            while room.last is None:
                await self._open(room)
        except BaseException:
            self.leave(room)
            raise
        return room

    def leave(self, room: Room) -> None:
        """One that joined needs it no more."""
        room.users -= 1
        if not room.users:
            self._spawn(self._close(room))

    async def _open(self, room: Room) -> None:
        """Find where the channel stands: after we listen, so that nothing is missed."""
        await asyncio.wait({self._listening[room]}, timeout=_LISTEN_WITHIN_S)
        newest, number = await in_thread(_standing, room.channel)
        if self._looked is None:
            self._looked = number
        if room.last is None:
            room.last = newest
            self._heal(room)

    async def _listen(self, room: Room) -> None:
        """Join the channel's group, for as long as it takes."""
        while True:
            try:
                if self._ear is not None:
                    await self._layer.group_add(room.channel.group, self._ear)
                    break
            except (redis.RedisError, OSError, TimeoutError, RuntimeError) as error:
                _warn("channel layer does not answer", error)
            await asyncio.sleep(_AGAIN_S if self._ear else 0.01)
        if room.last is not None:
            # It was opened before we listened.
            room.seen = max(room.seen, room.last + 1)
            self._heal(room)

    async def _close(self, room: Room) -> None:
        await asyncio.sleep(_LINGER_S)
        group = room.channel.group
        if room.users or self._rooms.get(group) is not room:
            return
        del self._rooms[group]
        self._listening.pop(room).cancel()
        with suppress(redis.RedisError, OSError):
            await self._layer.group_discard(group, self._ear)

    # --- events -------------------------------------------------------------------

    async def _hear_always(self) -> None:
        while True:
            try:
                if self._ear is None:
                    self._ear = await self._layer.new_channel("hub.")
                await self._hear(await self._layer.receive(self._ear))
            except (redis.RedisError, OSError) as error:
                _warn("channel layer does not answer", error)
                await asyncio.sleep(_AGAIN_S)
            except Exception:
                # Everybody here waits for what this does.
                log.exception("hub stumbled")
                await asyncio.sleep(0.1)

    async def _hear(self, message: dict[str, Any]) -> None:
        room = self._rooms.get(message["group"])
        if room is None:
            return
        if message["type"] == "hints":
            await self._tell(room, message)
            return
        came = [Linked(*one) for one in message["events"]]
        await self._learn(room, came)
        # From here to the end nothing comes in between.
        fresh = room.hear(came)
        if fresh:
            room.deliver(fresh, self.names.known)
        self._heal(room)

    async def _learn(self, room: Room, came: list[Linked]) -> None:
        with suppress(DatabaseError):
            await self.names.learn(room.channel, came)

    async def _tell(self, room: Room, message: dict[str, Any]) -> None:
        name = await self.names.name_of(room.channel, str(room.channel.id))
        room.tell(hint_chunk(room.channel.name, message["hints"], name))

    def _heal(self, room: Room) -> None:
        """Read what is missing from the table, if something is."""
        if room.is_behind and room not in self._healing:
            self._healing.add(room)
            self._spawn(self._read_missing(room))

    async def _read_missing(self, room: Room) -> None:
        try:
            while room.users and room.last is not None and room.is_behind:
                seen = room.seen
                page = await in_thread(replay.page, room.channel, room.last)
                await self._learn(room, page)
                fresh = [one for one in page if one.id > room.last]
                if fresh:
                    room.deliver(fresh, self.names.known)
                elif room.seen == seen:
                    room.seen = room.last  # the table knows no more
        except DatabaseError as error:
            # The next event or look begins anew.
            _warn("database does not answer", error)
        finally:
            self._healing.discard(room)

    async def _look(self) -> None:
        """Ask the table what the channel layer should have told us long ago.

        What was found at the last look and has not come since is lost: what has only
        just been published is on its way.
        """
        if not self._rooms or self._looked is None:
            self._looked, self._found = None, {}
            return
        for channel, newest in self._found.items():
            room = self._rooms.get(channel.group)
            if room is not None and room.last is not None and newest > room.last:
                room.seen = max(room.seen, newest)
                self._heal(room)
        self._found = await in_thread(_newest_since, self._looked)
        self._looked = max((self._looked, *self._found.values()))

    # --- tasks --------------------------------------------------------------------

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self._spawn(_repeat(seconds, work))


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except (DatabaseError, redis.RedisError, OSError) as error:
            _warn("does not answer", error)
        except Exception:
            log.exception("hub stumbled")


def _warn(text: str, error: BaseException) -> None:
    log.warning("realtime: %s", text, extra={"error": repr(error)[:200]})


def _who(holder: Holder) -> str:
    viewer = holder.viewer
    return str(viewer.user_id or viewer.api_key_id)


def _standing(channel: Channel) -> tuple[int, int]:
    """The last event of the channel, and the last number of all."""
    with tenancy.system():
        number = events.span()[1]
    return replay.newest(channel), number


def _newest_since(number: int) -> dict[Channel, int]:
    with tenancy.system():
        return events.newest_since(number)


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _loops.get(loop)
    if found is None:
        found = _loops[loop] = Hub()
    return found
