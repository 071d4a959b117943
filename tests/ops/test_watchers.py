"""The benchmark's clients: what they count when events come, are lost or come twice."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from apps.events.published import Linked
from apps.ops.bench.watchers import Tally, Watcher
from apps.realtime.frames import event_chunk


def frames(*ids: int, prev: int) -> bytes:
    events = []
    for number in ids:
        body = f'{{"id":{number},"sent_at":0}}'
        events.append(Linked(number, prev, "", body))
        prev = number
    return event_chunk("c", events, {}).data


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def hear(tally: Tally) -> Callable[..., None]:
    """Lets clients of one tally read the same bytes, cut anywhere."""

    async def work(clients: int, *parts: bytes) -> None:
        for _ in range(clients):
            watcher: Any = Watcher(tally, {}, "c")
            watcher._is_open = True
            for part in parts:
                watcher.data_received(part)

    return lambda *given: asyncio.run(work(*given))


def test_counts_each_event_of_each_client(tally: Tally, hear) -> None:
    hear(3, frames(1, 2, 3, prev=0), frames(5, prev=3))
    assert (tally.events, tally.gaps, tally.doubled) == (12, 0, 0)


def test_sees_a_gap_also_in_bytes_that_it_knows(tally: Tally, hear) -> None:
    hear(1, frames(1, prev=0), frames(2, prev=1), frames(3, prev=2))
    hear(2, frames(1, prev=0), frames(3, prev=2))
    assert (tally.events, tally.gaps) == (7, 2)


def test_sees_what_comes_twice(tally: Tally, hear) -> None:
    hear(2, frames(1, 2, prev=0), frames(1, 2, prev=0), frames(2, 3, prev=1))
    assert (tally.events, tally.doubled) == (6, 6)


def test_hears_how_it_was_closed(tally: Tally) -> None:
    async def work() -> int:
        watcher: Any = Watcher(tally, {}, "c")
        watcher._is_open, watcher._transport = True, Mock()
        watcher.data_received(frames(1, prev=0) + b"\x88\x02" + bytes((0x11, 0x38)))
        assert watcher._transport.close.called
        watcher.connection_lost(None)
        with pytest.raises(ConnectionError):
            await watcher.ready
        return await watcher.ended

    assert asyncio.run(work()) == 4408


def test_reads_messages_however_they_are_cut(tally: Tally, hear) -> None:
    data = frames(1, 2, 3, prev=0)
    for at in range(1, len(data)):
        hear(1, data[:at], data[at:])
    assert tally.events == 3 * (len(data) - 1)
    assert (tally.gaps, tally.doubled) == (0, 0)
