"""The broker: restarted, frozen, emptied, full, cut off, and told everything twice."""

import contextlib
import signal
import statistics
import threading
import time
from collections.abc import Iterator

import redis

from tests.faults.audience import Audience, expect_all_heard, newest
from tests.faults.case import Run, fault
from tests.faults.client import Answer
from tests.faults.gate import gate_to
from tests.faults.load import Load
from tests.faults.stack import address_of, server_signal, through


def load_for(run: Run, seconds: float) -> Load:
    """A load that is under way about as long as a fault of so many seconds."""
    # Ten slots; the rest of each execution, about 0.3 s, is work.
    count = 200
    return run.load(count, rest=min(max(seconds * 10 / count - 0.3, 0.5), 4.5))


def started_since(run: Run, load: Load, seconds: float) -> int:
    """How many of the load were taken by a worker within the last seconds."""
    return int(
        run.stack.rows(
            "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[])"
            " AND started_at > clock_timestamp() - make_interval(secs => %s)",
            [load.ids, seconds],
        )[0][0]
    )


def ended_since(run: Run, load: Load, seconds: float) -> int:
    """How many of the load ended within the last seconds."""
    return int(
        run.stack.rows(
            "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[])"
            " AND finished_at > clock_timestamp() - make_interval(secs => %s)",
            [load.ids, seconds],
        )[0][0]
    )


def note_latency(run: Run, answers: list[Answer]) -> None:
    """Say how long the API took to accept, and whether it ever waited for others."""
    answers = [answer for answer in answers if answer.is_of_work]
    took_ms = [answer.took_s * 1000 for answer in answers]
    p99 = statistics.quantiles(took_ms, n=100)[98] if len(took_ms) > 1 else 0.0
    run.facts.append(f"API accepts in {p99:.0f} ms (p99 of {len(took_ms)})")
    bad = [answer.status for answer in answers if answer.status not in {200, 202}]
    run.expect(not bad, f"the API answered {sorted(set(bad))}")
    # A slow machine takes long; who waits for a broker takes its time-out.
    run.expect(statistics.median(took_ms) < 1500, "the API waits for the broker")


@fault(
    "F07",
    "Redis restarted in the middle of the load",
    expected="no worker ends; goes on by itself",
    quick=True,
)
def redis_restarted(run: Run) -> None:
    load_for(run, 15)
    before = {worker.name: worker.pid for worker in run.stack.workers}
    run.stack.redis.stop()
    time.sleep(run.pick(short=1, full=4))
    run.stack.redis.start()
    run.recovers(run.mark(), goal_s=10)
    after = {worker.name: worker.pid for worker in run.stack.workers}
    run.expect(before == after, "a worker ended because Redis was restarted")


@fault(
    "F08",
    "Redis frozen (SIGSTOP): 30 s, or 120 s in full",
    expected="the API accepts as ever, what runs goes on, the rest starts within 10 s"
    " of its return",
    quick=True,
)
def redis_frozen(run: Run) -> None:
    seconds = run.pick(short=30, full=120)
    load = load_for(run, seconds)
    server_signal(run.stack.redis, signal.SIGSTOP)
    frozen_at = time.monotonic()
    seen = len(run.stack.client.answers)
    load.trickle(20, seconds * 0.6, rest=0.5)
    _sleep_until(frozen_at + seconds)
    ended = ended_since(run, load, seconds - 2)
    started = started_since(run, load, seconds - 2)
    run.facts.append(f"{started} started and {ended} ended while it was frozen")
    run.expect(ended > 0, "what ran did not go on")
    note_latency(run, run.stack.client.answers[seen:])
    server_signal(run.stack.redis, signal.SIGCONT)
    run.recovers(run.mark(), goal_s=10)


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


@fault(
    "F09",
    "Redis emptied again and again: for 20 s, or 60 s in full",
    expected="nothing lost, nothing doubled",
    quick=True,
)
def redis_emptied(run: Run) -> None:
    seconds = run.pick(short=20, full=60)
    load_for(run, seconds)
    end = time.monotonic() + seconds
    with _broker(run) as client:
        while time.monotonic() < end:
            client.flushall()
            _sleep_until(min(end, time.monotonic() + run.pick(short=5, full=10)))
    run.recovers(run.mark(), goal_s=30)


@contextlib.contextmanager
def _broker(run: Run) -> Iterator[redis.Redis]:
    client = run.stack.redis_client()
    try:
        yield client
    finally:
        client.close()


@fault(
    "F10",
    "Redis out of memory (`maxmemory 1mb`)",
    expected="publishing fails and is logged; executions go on",
)
def redis_full(run: Run) -> None:
    seconds = run.pick(short=15, full=60)
    with _broker(run) as client:
        client.config_set("maxmemory", "1mb")
        try:
            load = load_for(run, seconds)
            load.trickle(20, seconds / 2, rest=0.5)
            time.sleep(seconds)
            ended = ended_since(run, load, seconds)
            run.facts.append(f"{ended} ended meanwhile")
            run.expect(ended > 0, "nothing went on")
        finally:
            client.config_set("maxmemory", "0")
    run.recovers(run.mark(), goal_s=30)


@fault(
    "F11",
    "connections to Redis half open: nothing passes for 120 s, nobody hears of it",
    expected="executions go on; all is heard again within 60 s after",
)
def redis_cut_off(run: Run) -> None:
    seconds = run.pick(short=40, full=120)
    with gate_to(*address_of(run.stack.redis.url)) as gate:
        url = through(run.stack.redis.url, gate.port)
        for name in run.stack.standard:
            run.stack.replace(name, REDIS_URL=url)
        run.stack.wait_ready()
        load = load_for(run, seconds)
        gate.is_silent = True
        cut_at = time.monotonic()
        load.trickle(20, seconds * 0.6, rest=0.5)
        _sleep_until(cut_at + seconds)
        ended = ended_since(run, load, seconds - 2)
        run.facts.append(f"{ended} ended while it was cut off")
        run.expect(ended > 0, "what ran did not go on")
        gate.is_silent = False
        run.recovers(run.mark(), goal_s=60)
        restarts = sum(worker.restarts for worker in run.stack.workers)
        run.facts.append(f"{restarts} workers restarted themselves")
        # The gate goes with this fault; what has no way to the broker ends by itself.
        run.finish()


@fault(
    "F12",
    "all clients of Redis cut off each second: for 5 s, or 60 s in full",
    expected="nothing lost, nothing doubled; who watches hears every event once and"
    " in order",
    quick=True,
    long=True,
)
def redis_clients_cut(run: Run) -> None:
    seconds = run.pick(short=5, full=60)
    with Audience(run, 20, newest(run)).seated() as audience:
        run.load(int(run.pick(short=80, full=200)), rest=run.pick(short=0.3, full=2.7))
        end = time.monotonic() + seconds
        with _broker(run) as client:
            while time.monotonic() < end:
                client.client_kill_filter(_type="normal", skipme=True)
                client.client_kill_filter(_type="pubsub")
                time.sleep(1)
        run.recovers(run.mark(), goal_s=30)
        expect_all_heard(run, audience)


@fault(
    "F13",
    "each message to the workers there 20 times",
    expected="one claim each; the others find nothing to do",
    quick=True,
)
def messages_doubled(run: Run) -> None:
    stop = threading.Event()
    counts = [0]
    copier = threading.Thread(target=_copy_messages, args=(run, stop, counts))
    copier.start()
    try:
        load = load_for(run, 10)
        run.recovers(run.mark(), goal_s=10)
    finally:
        stop.set()
        copier.join()
    run.finish()
    claims = run.stack.rows(
        "SELECT max(lease_token) FROM executions_execution WHERE id = ANY(%s::uuid[])",
        [load.ids],
    )[0][0]
    run.facts.append(f"{counts[0]} copies")
    run.expect(claims == 1, f"one was claimed {claims} times")
    run.expect(counts[0] >= 500, f"only {counts[0]} copies were made")


def _copy_messages(run: Run, stop: threading.Event, counts: list[int]) -> None:
    """Put nineteen copies beside each message, as long as they are there to copy."""
    known: set[bytes] = set()
    with _broker(run) as client:
        while not stop.wait(0.05):
            waiting: list[bytes] = client.lrange("default", 0, -1)  # type: ignore[assignment]  # not async
            new = [one for one in dict.fromkeys(waiting) if one not in known]
            known.update(new)
            for one in new:
                client.lpush("default", *[one] * 19)
            counts[0] += 19 * len(new)
