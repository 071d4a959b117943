"""Clients that come and go under fire, Redis that goes away, processes that end."""

import json
import random
import signal
import socket as sockets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from websockets.exceptions import ConnectionClosed

from apps.ops.devstack.redis import EmbeddedRedis
from apps.realtime import presence
from tests.fixtures_cast import Person
from tests.fixtures_engine import Started, wait_for
from tests.realtime.conftest import Web, organization, publish, say, say_many, tell

pytestmark = pytest.mark.e2e

EVENTS, CLIENTS = 2_000, 20


class Restless:
    """A client that drops its connection now and then and comes back for the rest."""

    def __init__(self, web: Web, person: Person, seed: int) -> None:
        self.web, self.person = web, person
        self.chance = random.Random(seed)
        self.heard: list[tuple[int, int, Any]] = []
        self.connections = 0

    def run(self, until: Callable[[Any], bool]) -> None:
        while not (self.heard and until(self.heard[-1][2])):
            self._stay(until)

    def _stay(self, until: Callable[[Any], bool]) -> None:
        self.connections += 1
        token = f"bearer.{self.person.access}"
        socket = self.web.connect(subprotocols=["rpa.v1", token], max_queue=None)
        after = self.heard[-1][0] if self.heard else 0
        socket.say("subscribe", channel=organization(self.person), last_event_id=after)
        for _ in range(self.chance.randrange(20, 400)):
            try:
                found = json.loads(socket.connection.recv(20))
            except ConnectionClosed:
                break
            if found["type"] == "note":
                self.heard.append((found["id"], found["prev"], found["n"]))
                if until(found["n"]):
                    break
            elif found["type"] == "ping":
                socket.say("pong")
        # Without a word, as when a network goes away.
        socket.connection.socket.shutdown(sockets.SHUT_RDWR)


def write(person: Person, count: int) -> None:
    """Events as they come: some in each transaction, published by and by."""
    for start in range(0, count, 20):
        say_many(person, range(start, min(start + 20, count)))
        publish()
        time.sleep(0.01)


def check(heard: list[tuple[int, int, Any]], texts: list[Any]) -> None:
    """Each once, in order, and each saying which was before it."""
    assert [text for _, _, text in heard] == texts
    assert [prev for _, prev, _ in heard[1:]] == [number for number, _, _ in heard[:-1]]


def test_each_event_comes_once_whenever_clients_drop_and_come_back(
    web: Web, alice: Person
) -> None:
    clients = [Restless(web, alice, seed) for seed in range(CLIENTS)]

    def work() -> None:
        try:
            write(alice, EVENTS)
        finally:
            connections.close_all()

    writer = threading.Thread(target=work)
    with ThreadPoolExecutor(CLIENTS) as threads:
        writer.start()
        runs = [
            threads.submit(one.run, lambda text: text == EVENTS - 1) for one in clients
        ]
        for run in runs:
            run.result(60)
    writer.join()
    for one in clients:
        check(one.heard, list(range(EVENTS)))
    assert sum(one.connections for one in clients) > 3 * CLIENTS


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that a test may stop."""
    made = EmbeddedRedis(tmp_path / "redis", detached=True)
    made.start()
    yield made
    made.stop()


def test_nothing_is_lost_while_redis_is_away(
    alice: Person,
    own_redis: EmbeddedRedis,
    make_web: Callable[..., Web],
    start_program: Started,
) -> None:
    start_program("beat", REDIS_URL=own_redis.url)
    web = make_web(REDIS_URL=own_redis.url)
    socket = web.sign_in(alice)
    socket.subscribe(organization(alice), last_event_id=0)
    texts = []
    heard = []

    def happen(*more: str) -> None:
        for text in more:
            say(alice, text)
            texts.append(text)
        while len(heard) < len(texts):
            found = socket.until("note", within=40)
            heard.append((found["id"], found["prev"], found["n"]))

    happen("before")
    own_redis.stop()
    happen("during 1", "during 2")
    late = web.sign_in(alice)
    assert late.subscribe(organization(alice))["type"] == "subscribed"
    own_redis.start()
    happen("after 1", "after 2")
    check(heard, texts)
    assert late.until("note")["n"] == "after 1"


def test_clients_are_counted_over_processes_and_told_when_one_restarts(
    web: Web, make_web: Callable[..., Web], alice: Person, bob: Person
) -> None:
    other = make_web()
    sockets = [web.sign_in(alice), other.sign_in(alice), other.sign_in(bob)]
    for socket in sockets:
        socket.subscribe(organization(alice))

    def counted() -> bool:
        for socket in sockets:
            socket.say("pong")
        return presence.totals() == {"connectedClients": 3, "activeRooms": 1}

    wait_for(counted, what="both processes say how many are connected")
    tell(alice, "for all")
    assert [socket.hear()["n"] for socket in sockets] == ["for all"] * 3
    assert other.program.process is not None
    other.program.process.send_signal(signal.SIGTERM)
    assert [socket.closed()[0] for socket in sockets[1:]] == [1012, 1012]


def test_a_process_that_was_killed_is_forgotten(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "KEPT_S", 1)
    before = presence.totals()["connectedClients"]
    assert before is not None
    presence.Presence().tell(7, {"u": 7})
    living = presence.Presence()
    living.tell(1, {"u": 1})
    assert living.others["u"] == 7
    wait_for(lambda: (presence.totals()["connectedClients"] or 0) <= before)


def test_a_process_that_listens_no_more_counts_no_more(servers: None) -> None:
    ear = presence.connect().pubsub(ignore_subscribe_messages=False)
    ear.subscribe("ear")
    assert ear.get_message(timeout=10) is not None
    killed, living = presence.Presence(), presence.Presence()
    killed.tell(7, {"v": 7}, "ear")
    living.tell(1, {"v": 1})
    assert living.others["v"] == 7
    with_it = presence.totals()["connectedClients"]
    ear.close()

    def is_forgotten() -> bool:
        living.tell(1, {"v": 1})
        return not living.others["v"]

    wait_for(is_forgotten, what="Redis hears of its end")
    assert (presence.totals()["connectedClients"] or 0) < (with_it or 0)
