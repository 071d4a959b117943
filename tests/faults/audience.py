"""Clients of the WebSocket that listen while a fault strikes.

They are those of `manage.py bench realtime`, in a thread of their own. As pages do,
they come back when they are cut off, after pauses that grow and are never the same for
two of them, and ask for what they have missed.
"""

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvloop

from apps.ops.bench.watchers import PONG, Tally, Watcher
from tests.faults.case import Run
from tests.faults.stack import wait_until

# As `pauses.js` has it.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
PONG_EVERY_S = 2.0
# The system would take megabytes for one who reads nothing.
DEAF_BUFFER_BYTES = 4096


class Deaf(Watcher):
    """One that subscribes, then reads nothing more, but says that it is there."""

    _talking: "asyncio.Task[None] | None" = None

    def begun(self) -> None:
        self._transport.pause_reading()
        self._talking = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        # By writing it learns of its end, which it does not hear.
        while not self.ended.done():
            await asyncio.sleep(PONG_EVERY_S)
            self._transport.write(PONG)

    def leave(self) -> bool:
        """Stop talking as well."""
        if self._talking is not None:
            self._talking.cancel()
        return super().leave()

    def wake(self) -> None:
        """Read what came, up to how it ended."""
        if self.ready.done() and not self.ended.done():
            self._transport.resume_reading()


class Audience:
    """So many clients of one channel.

    Attributes:
        after: the event after which all of them want to hear everything.
        tally: what all of them heard.
        closes: how often a connection ended, by code; 1006 is without a word.
        refusals: what clients were told that were not let in.
        returns: when clients were back that had been cut off, by the monotonic clock.
        is_leaving: set it, and who is cut off stays away.
    """

    def __init__(
        self, run: Run, count: int, after: int, kind: type[Watcher] = Watcher
    ) -> None:
        self.count, self.after = count, after
        self.tally = Tally()
        self.closes: Counter[int] = Counter()
        self.refusals: set[str] = set()
        self.returns: list[float] = []
        self.is_leaving = False
        client = run.stack.client
        self._port, self._kind = run.stack.port, kind
        self._order = {"token": client.token}
        self._channel = f"organization-activity:{client.organization}"
        self._seated: dict[int, Watcher] = {}
        self._made: list[Watcher] = []
        self._last: dict[int, int] = {}

    # --- for the fault, from another thread -----------------------------------------

    @property
    def listening(self) -> int:
        """How many hear their channel now."""
        return len(self._seated)

    def wait_complete(self, *, within_s: float) -> None:
        """Wait until all of them listen.

        Raises:
            TimeoutError: some do not.
        """
        what = f"{self.count} clients listen"
        try:
            wait_until(
                lambda: self.listening == self.count, within_s=within_s, what=what
            )
        except TimeoutError as error:
            text = f"{error}: {self.listening} do {self.refusals}"
            raise TimeoutError(text) from error

    def wake(self) -> None:
        """Let the deaf read."""
        for one in list(self._seated.values()):
            if isinstance(one, Deaf):
                self._loop.call_soon_threadsafe(one.wake)

    # --- in the thread --------------------------------------------------------------

    @contextlib.contextmanager
    def seated(self) -> Iterator["Audience"]:
        """They come, and stay until the end of the block."""
        thread = threading.Thread(target=uvloop.run, args=(self._sit(),), daemon=True)
        thread.start()
        try:
            self.wait_complete(within_s=60)
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._closing.set)
            thread.join(10)

    async def _sit(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        tasks = [asyncio.create_task(self._stay(n)) for n in range(self.count)]
        await self._closing.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The loop closes none of them, and cannot end while they are open.
        await asyncio.gather(*(one.ended for one in self._made if one.leave()))

    async def _stay(self, number: int) -> None:
        attempt, was_there = 0, False
        while not self.is_leaving:
            try:
                watcher = await self._come(number)
            except OSError as error:
                self._note(error)
            else:
                if was_there:
                    self.returns.append(time.monotonic())
                attempt, was_there = 0, True
                await self._listen(number, watcher)
            longest = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
            attempt += 1
            await asyncio.sleep(longest * random.uniform(0.5, 1))

    def _note(self, error: OSError) -> None:
        if type(error) is ConnectionError and "code" in str(error):
            self.refusals.add(str(error)[:200])

    async def _come(self, number: int) -> Watcher:
        """Connect and subscribe.

        Raises:
            OSError: it does not get that far.
        """
        after = self._last.get(number, self.after)
        end = socket.socket()
        end.setblocking(False)
        if self._kind is Deaf:
            after = None  # nobody who misses everything wants the past
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DEAF_BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(end, ("127.0.0.1", self._port))
        except BaseException:
            end.close()
            raise
        watcher = self._kind(self.tally, self._order, self._channel, after)
        self._made.append(watcher)
        await loop.create_connection(lambda: watcher, sock=end)
        await watcher.ready
        return watcher

    async def _listen(self, number: int, watcher: Watcher) -> None:
        self._seated[number] = watcher
        try:
            # It is still to end when nobody waits for that any more.
            code = await asyncio.shield(watcher.ended)
        finally:
            del self._seated[number]
            self._last[number] = watcher.last
        self.closes[code] += 1


def newest(run: Run) -> int:
    """The last number that an event of anybody has."""
    return int(run.stack.rows("SELECT max(last) FROM events_numbering")[0][0] or 0)


def expect_all_heard(run: Run, audience: Audience, *, within_s: float = 30) -> None:
    """After everything has ended: each client has heard each event once, in order."""
    run.finish()
    count, last = _events(run, audience.after)
    heard, wanted = audience.tally, count * audience.count
    with contextlib.suppress(TimeoutError):
        wait_until(
            lambda: heard.events >= wanted, within_s=within_s, what="all has arrived"
        )
    time.sleep(0.5)  # for what would come twice
    missing = wanted - heard.events
    run.expect(not missing, f"{missing} of {wanted} events are missing")
    run.expect(not heard.gaps, f"{heard.gaps} gaps in what clients heard")
    run.expect(not heard.doubled, f"{heard.doubled} events were heard twice")
    p99_ms = heard.shown([last])["p99_ms"]
    run.facts.append(
        f"{audience.count} clients, {count} events for each (p99 {p99_ms} ms)"
    )


def _events(run: Run, after: int) -> tuple[int, int]:
    """How many events of the organization there are after this one, and the last."""

    def counted() -> Any:
        pending, count, last = run.stack.rows(
            "SELECT count(*) FILTER (WHERE seq IS NULL),"
            " count(*) FILTER (WHERE seq > %s), max(seq)"
            " FROM events_event WHERE organization_id = %s",
            [after, run.stack.client.organization],
        )[0]
        return None if pending else (count, last or 0)

    found: tuple[int, int] = wait_until(
        counted, within_s=30, what="all events are published"
    )
    return found


def happen(run: Run, count: int, size_bytes: int) -> None:
    """So many events in one transaction, as the platform's own code writes them."""
    run.stack.rows(
        "INSERT INTO events_event (id, organization_id, type, payload)"
        " SELECT gen_random_uuid(), %s, 'note',"
        " jsonb_build_object('sent_at', extract(epoch FROM clock_timestamp()),"
        " 'text', repeat('x', %s)) FROM generate_series(1, %s)",
        [run.stack.client.organization, size_bytes, count],
    )
