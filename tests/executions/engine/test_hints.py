"""Hints of steps: a step waits for nothing, whatever becomes of Redis."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from channels.layers import get_channel_layer

from apps.core.ids import uuid7
from apps.core.per_process import PerProcess
from apps.events import layer
from apps.events.channels import EXECUTIONS, Channel
from apps.executions.engine import hints
from apps.executions.engine.leases import Lease
from apps.executions.engine.records import Record
from apps.ops.devstack.processes import free_port
from tests.executions.engine.conftest import Claimed, put
from tests.executions.proxy import Proxy
from tests.fixtures_engine import Engine, wait_for
from tests.raw_server import RawServer

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 20_000
# A hint that waited for a frozen Redis would wait so long, and all of them together
# take less on the slowest machine.
PATIENCE_S, SOON_S = 60, 30


@pytest.fixture
def herald(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[[str], hints._Herald]:
    """Gives this process a sending thread of its own, to the Redis at `url`."""

    def make(url: str) -> hints._Herald:
        settings.REDIS_URL = url
        monkeypatch.setattr(hints, "_herald", PerProcess(hints._Herald))
        return hints._herald.get()

    return make


@pytest.fixture
def proxy(servers: Any, settings: Any) -> Iterator[Proxy]:
    made = Proxy(settings.REDIS_URL)
    yield made
    made.thaw()
    made.close()


def thread_of(herald: hints._Herald) -> threading.Thread:
    """The one that runs its loop."""
    threads = (one for one in threading.enumerate() if one.name == "hints")
    return next(one for one in threads if one._target.__self__ is herald)  # type: ignore[attr-defined]


def say(claimed: Claimed, path: str = "a") -> None:
    lease = claimed.lease
    hints.hint(lease, Record(path, path, "set_variable", 1, lease.claimed_at))


class Listener:
    """Hears what is sent about a workflow's executions."""

    def __init__(self, url: str, lease: Lease) -> None:
        channel = Channel(EXECUTIONS, lease.workflow_id, lease.organization_id)
        self.client = redis.Redis.from_url(url)
        self.messages: list[dict[str, Any]] = []
        self._pubsub = self.client.pubsub(ignore_subscribe_messages=True)
        self.channel = layer.redis_channel(channel.group)
        self._pubsub.subscribe(self.channel)
        self._pubsub.get_message(timeout=5)

    def hear(self) -> list[dict[str, Any]]:
        """All that came so far."""
        deserialize = get_channel_layer().deserialize
        while (found := self._pubsub.get_message(timeout=0.01)) is not None:
            self.messages.append(deserialize(found["data"]))
        return self.messages

    @property
    def count(self) -> int:
        """How many hints came."""
        return sum(len(one["hints"]) for one in self.hear())

    def close(self) -> None:
        self._pubsub.close()
        self.client.close()


@pytest.fixture
def listen(settings: Any) -> Iterator[Callable[[Lease], Listener]]:
    url, made = settings.REDIS_URL, []

    def make(lease: Lease) -> Listener:
        made.append(Listener(url, lease))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def silent() -> Iterator[RawServer]:
    """Takes connections and never answers."""
    over = threading.Event()

    def script(sock: socket.socket) -> None:
        over.wait()

    server = RawServer(script)
    server.start()
    yield server
    over.set()
    server.stop()


@pytest.fixture
def held(herald, silent, monkeypatch) -> hints._Herald:
    """A thread whose Redis never answers."""
    monkeypatch.setattr(hints, "_PATIENCE_S", PATIENCE_S)
    return herald(f"redis://{silent.address}/0")


def test_a_step_never_waits_for_a_frozen_redis(held, silent, claim):
    claimed = claim()
    began = time.monotonic()
    say(claimed)
    wait_for(lambda: silent.connections)  # the thread waits from here on
    for _ in range(MANY):
        say(claimed)
    assert time.monotonic() - began < SOON_S
    assert thread_of(held).is_alive()


def test_what_waits_is_bounded_and_the_oldest_is_dropped(held, silent, claim):
    claimed = claim()
    say(claimed)
    wait_for(lambda: silent.connections)
    for number in range(MANY):
        say(claimed, str(number))
    paths = [int(one.record.path) for one in held.waiting]
    assert paths == list(range(MANY - hints._LONGEST, MANY))


def test_a_whole_execution_runs_on_while_redis_is_frozen(held, silent, engine: Engine):
    steps = [put(f"s{number}", number) for number in range(200)]
    began = time.monotonic()
    assert engine.run({"steps": steps}).status == "completed"
    assert time.monotonic() - began < SOON_S
    wait_for(lambda: silent.connections)


def test_after_a_freeze_hints_are_heard_again(herald, proxy, claim, listen):
    claimed = claim()
    heard = listen(claimed.lease)
    own = herald(proxy.url)
    thread = thread_of(own)
    say(claimed, "before")
    wait_for(lambda: heard.count == 1)
    proxy.freeze()
    wait_for(lambda: say(claimed, "lost") or own.away_until > 0)
    proxy.thaw()
    wait_for(lambda: say(claimed, "after") or "after" in paths_of(heard))
    assert thread_of(own) is thread


def test_a_redis_that_is_gone_costs_nothing_and_comes_back(
    herald, claim, listen, settings
):
    claimed, url, port = claim(), settings.REDIS_URL, free_port()
    heard = listen(claimed.lease)
    # The same, password and all, where nobody listens yet.
    own = herald(url.replace(f":{urlsplit(url).port}", f":{port}"))
    thread = thread_of(own)
    began = time.monotonic()
    for _ in range(MANY):
        say(claimed, "lost")
    assert time.monotonic() - began < SOON_S
    wait_for(lambda: own.away_until > 0)
    back = Proxy(url, port)
    try:
        wait_for(lambda: say(claimed, "after") or "after" in paths_of(heard))
        assert thread_of(own) is thread
    finally:
        back.close()


def paths_of(heard: Listener) -> set[str]:
    return {json.loads(one)["path"] for said in heard.hear() for one in said["hints"]}


def test_hints_are_sent_together_at_most_every_100_ms(herald, settings, claim, listen):
    claimed = claim()
    heard = listen(claimed.lease)
    herald(settings.REDIS_URL)
    began = time.monotonic()
    for _ in range(400):
        say(claimed)
        time.sleep(0.002)
    wait_for(lambda: heard.count == 400)
    took = time.monotonic() - began
    assert len(heard.messages) <= took / hints.TOGETHER_S + 1
    assert len(heard.messages) > 1


def test_who_is_not_watched_sends_nothing(herald, settings, claim, listen):
    watched, other = claim(), claim()
    heard = listen(watched.lease)
    everything = heard.client.pubsub(ignore_subscribe_messages=True)
    # Who listens by a pattern is nobody to `listened`.
    everything.psubscribe(layer.redis_channel(f"{EXECUTIONS}.*"))
    own = herald(settings.REDIS_URL)
    say(other)
    wait_for(lambda: other.lease.workflow_id in own.watched)
    say(watched)
    wait_for(lambda: heard.count == 1)
    assert own.watched[other.lease.workflow_id].is_watched is False
    sent = [one for _ in range(5) if (one := everything.get_message(timeout=0.05))]
    assert [one["channel"].decode() for one in sent] == [heard.channel]
    everything.close()


def test_each_state_of_a_step_is_told_as_what_it_is(herald, settings, claim, listen):
    claimed = claim()
    heard = listen(claimed.lease)
    herald(settings.REDIS_URL)
    for status in (Record.RUNNING, Record.WAITING, Record.COMPLETED, Record.FAILED):
        record = claimed.record("a", status=status, output={"secret": 1})
        hints.hint(claimed.lease, record)
    wait_for(lambda: heard.count == 3)
    bodies = [json.loads(one) for said in heard.messages for one in said["hints"]]
    types = [one["type"] for one in bodies]
    assert types == ["step-started", "step-completed", "step-failed"]
    assert not any("secret" in str(one) for one in bodies)


def test_an_execution_that_has_ended_meanwhile_is_not_told_of(
    herald, settings, claim, listen
):
    claimed = claim()
    heard = listen(claimed.lease)
    herald(settings.REDIS_URL)
    for _ in range(50):
        say(claimed, "of one before")
    following = replace(claimed.lease, execution_id=uuid7())
    hints.hint(following, claimed.record("now", status=Record.RUNNING))
    wait_for(lambda: heard.count > 0)
    time.sleep(2 * hints.TOGETHER_S)
    assert paths_of(heard) == {"now"}


def test_of_many_short_executions_none_is_told_and_of_the_last_all(
    herald, settings, claim, listen
):
    claimed = claim()
    heard = listen(claimed.lease)
    herald(settings.REDIS_URL)
    until = time.monotonic() + 5 * hints.TOGETHER_S
    while time.monotonic() < until:
        short = replace(claimed.lease, execution_id=uuid7())
        for path in ("begins", "ends"):
            hints.hint(short, claimed.record(path, status=Record.RUNNING))
        time.sleep(0.005)
    last = replace(claimed.lease, execution_id=uuid7())
    for path in ("first", "second"):
        hints.hint(last, claimed.record(path, status=Record.RUNNING))
    wait_for(lambda: heard.count > 0)
    time.sleep(2 * hints.TOGETHER_S)
    assert paths_of(heard) == {"first", "second"}
