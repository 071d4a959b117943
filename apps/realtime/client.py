"""One connected client: does what the protocol says is to be done."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import DatabaseError
from django.utils import timezone

from apps.accounts.standing import Holder, holder_of
from apps.accounts.viewer import NO_ORGANIZATION, Viewer
from apps.core.errors import RpaError
from apps.events.channels import Channel
from apps.realtime import replay
from apps.realtime.channels import channel_find, is_open_to
from apps.realtime.connection import (
    AUTHENTICATION,
    Action,
    Authenticate,
    Close,
    Connection,
    Say,
    Subscribe,
    Unsubscribe,
    error,
)
from apps.realtime.frames import event_chunk, message
from apps.realtime.rooms import Member, Room
from apps.realtime.threads import in_thread
from apps.realtime.wires import Wire, drained

if TYPE_CHECKING:
    from apps.realtime.hub import Hub

log = logging.getLogger(__name__)

TRY_LATER, TOO_MANY = 1013, 1008


class Client:
    """One connection, with its place in the rooms of this process.

    Attributes:
        holder: who it is, once that is known.
    """

    def __init__(self, hub: "Hub", wire: Wire, address: str | None) -> None:
        self.holder: Holder | None = None
        self.wire = wire
        self._hub = hub
        self._address = address
        self._protocol = Connection(hub.limits, time.monotonic())
        self._places: dict[str, tuple[Room, Member]] = {}
        self._following: dict[str, asyncio.Task[None]] = {}

    # --- what comes and what is due -----------------------------------------------

    async def authenticate(self, token: str) -> None:
        """A token came with the connection itself."""
        await self._perform(self._protocol.authenticate(token))

    async def receive(self, content: str | bytes) -> None:
        """A message came."""
        await self._perform(self._protocol.receive(content, time.monotonic()))

    def tick(self, now: float) -> None:
        """Time has passed."""
        for action in self._protocol.tick(now, self._positions):
            self._do(action)

    def _positions(self) -> dict[str, int]:
        return {name: member.position for name, (_, member) in self._places.items()}

    def leave(self) -> None:
        """The connection has ended."""
        for name in [*self._following, *self._places]:
            self._forget(name)

    def refuse(self, code: str, text: str, close: int = AUTHENTICATION) -> None:
        """Say why, and end the connection."""
        self._do(error(code, text))
        self._do(Close(close, code))

    async def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Authenticate):
                await self._find_out(action.token)
            else:
                self._do(action)

    def _do(self, action: Action) -> None:
        if isinstance(action, Say):
            self.wire.write(message(action.type, **action.values))
        elif isinstance(action, Close):
            self.wire.close(action.code, action.reason)
        elif isinstance(action, Unsubscribe):
            self._forget(action.channel)
        elif isinstance(action, Subscribe):
            self._forget(action.channel)
            # A task, since a long past must not keep other messages waiting.
            task = asyncio.create_task(self._follow(action))
            self._following[action.channel] = task

    # --- who it is ----------------------------------------------------------------

    async def _find_out(self, token: str) -> None:
        try:
            found = await in_thread(holder_of, token, address=self._address)
        except RpaError as problem:
            await self._perform(self._protocol.refuse(problem.code, str(problem)))
            return
        except DatabaseError:
            self.refuse("unavailable", "The database does not answer.", TRY_LATER)
            return
        if self.holder is not None and not found.is_same_as(self.holder):
            self.refuse("other_holder", "The token is of somebody else.")
        elif self.holder is None and not self._hub.has_place_for(found):
            text = "Too many connections of one user are open."
            self.refuse("too_many_connections", text, TOO_MANY)
        else:
            self.holder = found
            await self._perform(self._welcome(found))

    def _welcome(self, found: Holder) -> list[Action]:
        viewer, expires = found.viewer, found.expires_at
        place = viewer.organization_id
        shown = None if place == NO_ORGANIZATION else str(place)
        left_s = (expires - timezone.now()).total_seconds() if expires else None
        return self._protocol.welcome(
            None if left_s is None else time.monotonic() + left_s,
            user_id=str(viewer.user_id) if viewer.user_id else None,
            organization_id=shown,
            expires_at=expires.isoformat() if expires else None,
        )

    def renew(self, viewer: Viewer | None) -> None:
        """Rights were looked at again; None: what they stood on has ended."""
        if viewer is None or self.holder is None:
            self.refuse("signed_out", "The sign-in or key has ended.")
            return
        before, self.holder = self.holder.viewer, replace(self.holder, viewer=viewer)
        for name, (room, _) in list(self._places.items()):
            if not is_open_to(viewer, room.channel):
                self._drop(name)
        if before.role and not viewer.role:
            self.refuse("membership_ended", "You are no member any more.")

    def _drop(self, name: str) -> None:
        self._forget(name)
        told = Say("unsubscribed", {"channel": name, "reason": "no_access"})
        for action in self._protocol.drop(name, told):
            self._do(action)

    # --- subscriptions ------------------------------------------------------------

    def _forget(self, name: str) -> None:
        """End a subscription, if there is one."""
        task = self._following.pop(name, None)
        if task is not None:
            task.cancel()
        place = self._places.pop(name, None)
        if place is not None:
            room, member = place
            room.live.discard(member)
            self._hub.leave(room)

    async def _follow(self, action: Subscribe) -> None:
        """Begin a subscription: the past that was asked for, then what comes."""
        name = action.channel
        try:
            await self._begin(name, action.after)
        except RpaError as problem:
            self._fail(name, problem.code, str(problem), **problem.details)
        except DatabaseError as failure:
            log.warning("subscription failed", extra={"error": repr(failure)[:200]})
            self._fail(name, "unavailable", "The database does not answer.")
        except Exception:
            log.exception("subscription stumbled")
            self._fail(name, "internal_error", "Something went wrong on our side.")
        finally:
            if self._following.get(name) is asyncio.current_task():
                del self._following[name]

    def _fail(self, name: str, code: str, text: str, **more: object) -> None:
        if self._following.get(name) is asyncio.current_task():
            del self._following[name]  # so that nothing cancels what goes on here
        self._forget(name)
        for each in self._protocol.drop(name, error(code, text, name, **more)):
            self._do(each)

    async def _begin(self, name: str, after: int | None) -> None:
        channel = await in_thread(channel_find, viewer=self._viewer, name=name)
        room = await self._hub.join(channel)
        member = Member(self.wire, 0)
        # From here on `_forget` gives it back, whatever happens.
        self._places[name] = room, member
        newest = room.last or 0
        if after is not None and after != newest:
            most = self._hub.limits.replay_events
            await in_thread(replay.check_replay, channel, after, most=most)
        # Rights may have gone while we waited.
        if not is_open_to(self._viewer, channel):
            self._drop(name)
            return
        # Without a place to begin at, it begins here, before anything else can come.
        member.position = (room.last or 0) if after is None else after
        said = {"channel": name, "last_event_id": member.position}
        self._do(Say("subscribed", said))
        await self._catch_up(channel, room, member)

    @property
    def _viewer(self) -> Viewer:
        assert self.holder is not None  # noqa: S101  # only who is known subscribes
        return self.holder.viewer

    async def _catch_up(self, channel: Channel, room: Room, member: Member) -> None:
        """Send from the table until nothing is missing that the room has delivered."""
        limits, names = self._hub.limits, self._hub.names
        while not self.wire.is_closed and not room.admit(member):
            target = room.last or 0
            page = await in_thread(replay.page, channel, member.position)
            if not page:
                member.position = max(member.position, target)  # they were deleted
                continue
            await names.learn(channel, page)
            member.take(event_chunk(channel.name, page, names.known))
            await drained(self.wire, limits.buffer_bytes // 4, limits.silent_s)
