"""Waiting for the end of executions, many at a time, at the cost of almost nothing.

Each event loop has one `Waiting`, which starts on first use: a connection to the
database listens for ends (see `engine.leases`), another reads what became of those
that somebody here waits for, all in one query. No thread is held, and nothing is
asked while nobody waits. What was missed while a connection was lost is found by
looking every second.
"""

import asyncio
import json
import logging
import signal
import threading
import uuid
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings

from apps.executions.engine.leases import CHANNEL
from apps.executions.engine.masking import conceal, has_placeholder

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_RECONNECT_S = 0.5
# How long the first call waits for the listener, rather than for a look.
_READY_S = 2.0
# Ends told before anybody waits for them: a worker may be faster than the caller.
_REMEMBERED = 10_000

# For the length of one transaction, on a connection that does nothing else. Whoever
# waits for an execution has started it, or may see it.
_SCOPE = "SELECT set_config('rpa.system', 'on', true)"
_READ = """
    SELECT id, status, outputs::text, error::text FROM executions_execution
    WHERE id = ANY(%s) AND status IN ('completed', 'failed', 'cancelled')
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended, its documents as JSON text without secrets."""

    status: str
    outputs: str
    error: str


class Waiting:
    """The executions that callers of one event loop wait for."""

    def __init__(self) -> None:
        self._waits: dict[uuid.UUID, list[asyncio.Future[Ended | None]]] = {}
        self._told: OrderedDict[uuid.UUID, None] = OrderedDict()
        self._due: set[uuid.UUID] = set()
        self._has_due = asyncio.Event()
        self._has_waits = asyncio.Event()
        self._listens = asyncio.Event()
        self._is_closing = False
        # Kept here: the loop itself holds tasks by weak references only.
        self._tasks = [
            asyncio.create_task(_again(self._listen, "waiting.listen")),
            asyncio.create_task(_again(self._answer, "waiting.answer")),
        ]

    async def ready(self) -> None:
        """Return when ends are heard of, or after a moment in any case."""
        if not self._listens.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_READY_S):
                    await self._listens.wait()

    async def ended(
        self,
        execution_id: uuid.UUID,
        seconds: float,
        *,
        give_up: Coroutine[Any, Any, object] | None = None,
        look: bool = False,
    ) -> Ended | None:
        """How the execution ended, or None: not within `seconds`, or we shut down.

        Args:
            give_up: when it returns nobody waits any more.
            look: it may have ended before.
        """
        if self._is_closing:
            return None
        future: asyncio.Future[Ended | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._waits.setdefault(execution_id, []).append(future)
        self._has_waits.set()
        if look or execution_id in self._told:
            self._look_at(execution_id)
        watch = None
        if give_up is not None:
            watch = asyncio.create_task(give_up)
            watch.add_done_callback(lambda _: _settle(future, None))
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._forget(execution_id, future)
            if watch is not None:
                watch.cancel()

    def close(self) -> None:
        """Let nobody wait any longer: the process ends."""
        self._is_closing = True
        for futures in self._waits.values():
            for future in futures:
                _settle(future, None)

    def _forget(
        self, execution_id: uuid.UUID, future: asyncio.Future[Ended | None]
    ) -> None:
        futures = self._waits[execution_id]
        futures.remove(future)
        if not futures:
            del self._waits[execution_id]
        if not self._waits:
            self._has_waits.clear()

    def _look_at(self, execution_id: uuid.UUID) -> None:
        self._due.add(execution_id)
        self._has_due.set()

    async def _listen(self) -> None:
        """Hear of ends for as long as the connection lasts."""
        async with await _connected() as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._listens.set()
            try:
                # What ended while nobody listened.
                for execution_id in self._waits:
                    self._look_at(execution_id)
                async for told in connection.notifies():
                    self._hear(uuid.UUID(told.payload))
            finally:
                self._listens.clear()

    def _hear(self, execution_id: uuid.UUID) -> None:
        if execution_id in self._waits:
            self._look_at(execution_id)
            return
        self._told[execution_id] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    async def _answer(self) -> None:
        """Read what became of those that ended, for as long as the connection lasts."""
        async with await _connected() as connection:
            while True:
                await self._has_waits.wait()
                # Not by `wait_for`, which may swallow a cancel (Python below 3.12).
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._has_due.wait()
                due, self._due = self._due or set(self._waits), set()
                self._has_due.clear()
                for execution_id, ended in await _read(connection, due):
                    for future in self._waits.get(execution_id, ()):
                        _settle(future, ended)


async def _connected() -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(
        settings.DATABASE_URL,
        autocommit=True,
        connect_timeout=5,
        # A server that vanished without a word is given up.
        tcp_user_timeout=30_000,
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
        application_name="rpa web waiting",
    )


async def _read(
    connection: psycopg.AsyncConnection[Any], due: Iterable[uuid.UUID]
) -> list[tuple[uuid.UUID, Ended]]:
    """Those of the executions that have ended, in one round trip."""
    async with connection.pipeline():
        async with connection.transaction():
            await connection.execute(_SCOPE)
            found = await connection.execute(_READ, [list(due)])
        rows = await found.fetchall()
    return [
        (row[0], Ended(row[1], _shown(row[2]), _shown(row[3] or "null")))
        for row in rows
    ]


def _shown(text: str) -> str:
    """JSON text for people: secrets as `***`."""
    if not has_placeholder(text):
        return text
    return json.dumps(conceal(json.loads(text)))


def _settle(future: asyncio.Future[Ended | None], ended: Ended | None) -> None:
    if not future.done():
        future.set_result(ended)


async def _again(work: Any, name: str) -> None:
    """Do `work` for ever, anew when the database went away."""
    while True:
        try:
            await work()
        except psycopg.Error as error:
            log.warning(
                "connection lost", extra={"action": name, "error": repr(error)[:200]}
            )
        await asyncio.sleep(_RECONNECT_S)


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()


def waiting() -> Waiting:
    """What waits in the running event loop."""
    loop = asyncio.get_running_loop()
    found = _loops.get(loop)
    if found is None:
        found = _loops[loop] = Waiting()
        if threading.current_thread() is threading.main_thread():
            _close_on(signal.SIGTERM, loop, found)
            _close_on(signal.SIGINT, loop, found)
    return found


def _close_on(
    number: signal.Signals, loop: asyncio.AbstractEventLoop, found: Waiting
) -> None:
    """Answer those who wait before the server stops: it gives them a few seconds."""
    before = signal.getsignal(number)

    def handle(signal_number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(found.close)
        if callable(before):
            before(signal_number, frame)
        elif before is signal.SIG_DFL:
            signal.signal(signal_number, signal.SIG_DFL)
            signal.raise_signal(signal_number)

    signal.signal(number, handle)
