"""Those who watch: cut off all at once, and some who never read."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from tests.faults.audience import Audience, Deaf, expect_all_heard, happen, newest
from tests.faults.case import SLACK_S, Run, fault
from tests.faults.stack import wait_until

MIB = 1024 * 1024
CLIENTS = 200
BACK_WITHIN_S = 10.0
STALLED, LISTENERS = 50, 10
# As `SOCKET_BUFFER_BYTES` is unless it is set: what may wait for one client.
BUFFER_MIB = 1
# What a process may grow by besides: it serves requests meanwhile.
ROOM_MIB = 32
EVENT_BYTES = 2_000


@fault(
    "F37",
    "`kill -9` of the web process with 200 clients, and a new start: at once, or"
    " after 20 s in full",
    expected="all are back within 10 s of its return, not all at once, and have"
    " heard every event once and in order",
    quick=True,
    long=True,
)
def web_killed(run: Run) -> None:
    with Audience(run, CLIENTS, newest(run)).seated() as audience:
        load = run.load(int(run.pick(short=60, full=200)), rest=0.1)
        web = run.stack.programs["web"]
        web.is_wanted = not run.is_full
        web.kill()
        load.trickle(20, over_s=run.pick(short=3, full=30), rest=0.1)
        if run.is_full:
            time.sleep(20)
            web.start()
        _all_return(run, audience)
        expect_all_heard(run, audience)


def _all_return(run: Run, audience: Audience) -> None:
    """From the moment on when web listens again."""
    wait_until(lambda: _listens(run.stack.port), within_s=60, what="web listens")
    began = time.monotonic()
    within_s = BACK_WITHIN_S + (0 if run.is_full else SLACK_S)
    try:
        audience.wait_complete(within_s=within_s)
    except TimeoutError as error:
        run.wrong.append(str(error))
    run.recovered_s = time.monotonic() - began
    run.expect(not audience.refusals, f"refused: {audience.refusals}")
    run.expect(audience.closes[1006] >= CLIENTS, "not all of them were cut off")
    spread_s = max(audience.returns) - min(audience.returns)
    run.facts.append(f"they came back over {spread_s:.1f} s")
    run.expect(spread_s > 0.5, "they all came back at once")


def _listens(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@fault(
    "F38",
    "50 clients of the WebSocket that never read, for 10 min in full",
    expected="they are cut off and closed with 4408, web's memory is bounded, all"
    " others hear everything meanwhile",
    quick=True,
    long=True,
)
def clients_stalled(run: Run) -> None:
    with Audience(run, LISTENERS, newest(run)).seated() as listeners:
        run.load(int(run.pick(short=60, full=200)), rest=0.1)
        with _measured(run) as memory:
            if run.is_full:
                with Audience(run, STALLED, 0, Deaf).seated() as deaf:
                    _flow(run, 600, pause_s=1)
                run.facts.append(f"they were cut off {deaf.closes.total()} times")
            # New ones: of those before, some may just be on their way back.
            deaf = Audience(run, STALLED, 0, Deaf)
            with deaf.seated():
                deaf.is_leaving = True
                # More than may wait for each, and slowly enough for all who read.
                _flow(run, 18, pause_s=0.1)
                _see_them_cut(run, deaf)
        expect_all_heard(run, listeners)
    if run.is_full:  # on a busy machine others may read slowly too, and come back
        run.expect(not listeners.closes, f"others were cut off: {listeners.closes}")
    run.facts.append(f"the others were cut off {listeners.closes.total()} times")
    _judge_memory(run, memory)


def _flow(run: Run, times: int, pause_s: float) -> None:
    """So many times 50 events, which are more than 100 KB."""
    for _ in range(times):
        happen(run, 50, EVENT_BYTES)
        time.sleep(pause_s)


def _see_them_cut(run: Run, deaf: Audience) -> None:
    """Only the others are left; those who wake at last read with what code it ended."""

    def are_gone() -> bool:
        health = run.stack.client.health() or {"services": {"websocket": {}}}
        there = health["services"]["websocket"].get("connectedClients")
        return bool(there is not None and there <= LISTENERS)

    try:
        wait_until(are_gone, within_s=30, what="those who do not read are cut off")
    except TimeoutError as error:
        run.wrong.append(str(error))
    deaf.wake()
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not deaf.listening, within_s=15, what="all have ended")
    run.expect(not deaf.listening, f"{deaf.listening} clients hang on")
    told = deaf.closes[4408]
    run.facts.append(f"{told} of {STALLED} woke in time to read 4408")
    run.expect(told > 0, f"none was closed with 4408: {dict(deaf.closes)}")


@dataclass
class _Memory:
    """What the web process held, in MiB, over time."""

    samples: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """At most, over what it was at first."""
        return max(self.samples) - self.samples[0]

    @property
    def creep(self) -> float:
        """By how much the last half's most is above the first half's."""
        half = len(self.samples) // 2
        return max(self.samples[half:]) - max(self.samples[: half or 1])


@contextlib.contextmanager
def _measured(run: Run) -> Iterator[_Memory]:
    """Look at web's memory four times a second."""
    process = psutil.Process(run.stack.programs["web"].pid)
    memory, closing = _Memory(), threading.Event()

    def look() -> None:
        with contextlib.suppress(psutil.Error):
            while True:
                memory.samples.append(process.memory_info().rss / MIB)
                if closing.wait(0.25):
                    return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        closing.set()
        thread.join()


def _judge_memory(run: Run, memory: _Memory) -> None:
    bound = STALLED * BUFFER_MIB + ROOM_MIB
    run.facts.append(f"web grew by {memory.growth:.0f} MiB at most, of {bound} allowed")
    run.expect(memory.growth <= bound, f"web grew by {memory.growth:.0f} MiB")
    if run.is_full:
        run.expect(memory.creep <= ROOM_MIB, f"it crept by {memory.creep:.0f} MiB")
