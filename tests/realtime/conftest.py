"""A real web process with short times, and clients of it."""

import contextlib
import json
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from apps.core import tenancy
from apps.events import publisher
from apps.events.models import Event
from apps.events.services import emit, emit_each
from apps.ops.devstack.processes import free_port
from tests.fixtures_cast import Person
from tests.fixtures_engine import ROOT, Program, wait_for
from tests.servers import TestRun

# Long enough for a loaded machine, short enough to wait for.
SHORT = {
    "SOCKET_AUTHENTICATE_WITHIN_S": "1",
    "SOCKET_BUFFER_BYTES": "65536",
    "SOCKET_PING_S": "0.5",
    "SOCKET_SILENT_AFTER_S": "4",
    "SOCKET_RECHECK_S": "0.5",
    "SOCKET_CONNECTIONS_PER_USER": "24",
    "SOCKET_SUBSCRIPTIONS": "10",
    "SOCKET_REPLAY_EVENTS": "3000",
    "LOG_LEVEL": "INFO",
}


class Socket:
    """One client; reads messages as objects and answers pings."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, action: str, **values: Any) -> None:
        self.connection.send(json.dumps({"action": action, **values}))

    def hear(self, within: float = 20) -> dict[str, Any]:
        """The next message that is no ping."""
        return self._next(lambda found: found["type"] != "ping", within)

    def until(self, type_: str, within: float = 20) -> dict[str, Any]:
        """The next message of this type."""
        return self._next(lambda found: found["type"] == type_, within)

    def _next(
        self, is_it: Callable[[dict[str, Any]], bool], within: float
    ) -> dict[str, Any]:
        give_up = time.monotonic() + within
        while time.monotonic() < give_up:
            found: dict[str, Any] = json.loads(self.connection.recv(within))
            if found["type"] == "ping":
                self.say("pong")
            if is_it(found):
                return found
        raise TimeoutError("nothing of it came")

    def subscribe(self, channel: str, **values: Any) -> dict[str, Any]:
        """Subscribe; gives the answer."""
        self.say("subscribe", channel=channel, **values)
        return self.hear()

    def closed(self, within: float = 20) -> tuple[int, list[dict[str, Any]]]:
        """The code it is closed with, and what came before."""
        heard: list[dict[str, Any]] = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                heard.append(json.loads(self.connection.recv(within)))
        return self.connection.close_code or 0, heard


@dataclass
class Web:
    """A web process and the clients that a test has of it."""

    program: Program
    port: int
    open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, **options: Any) -> Socket:
        """A client that has not said who it is."""
        query = options.pop("query", "")
        options = {"max_size": None, "ping_interval": None, "proxy": None, **options}
        return Socket(self.open.enter_context(connect(self.url + query, **options)))

    def sign_in(self, token: str | Person, **options: Any) -> Socket:
        """A client whose token came with the connection."""
        text = token if isinstance(token, str) else token.access
        socket = self.connect(subprotocols=["rpa.v1", f"bearer.{text}"], **options)
        assert socket.hear()["type"] == "authenticated"
        return socket


def start_web(log: Path, **environment: str) -> Web:
    """A web process that answers."""
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "web", "--port", str(port)]
    program = Program(command, {**SHORT, **environment})
    program.start(log)

    def is_up() -> bool:
        # It listens once the application is there.
        with socket.socket() as found:
            return found.connect_ex(("127.0.0.1", port)) == 0

    wait_for(is_up, what=f"web starts, see {program.log}")
    return Web(program, port)


@pytest.fixture(scope="session")
def shared_web(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    """One process for all tests of a run."""
    web = start_web(tmp_path_factory.mktemp("web") / "web.log")
    yield web
    web.program.stop()


@pytest.fixture
def web(shared_web: Web, transactional_db: None) -> Iterator[Web]:
    """The process, and clients that end with the test."""
    shared_web.open = contextlib.ExitStack()
    yield shared_web
    shared_web.open.close()


@pytest.fixture
def make_web(
    transactional_db: None, servers: TestRun, tmp_path: Path
) -> Iterator[Callable[..., Web]]:
    """Starts web processes of a test's own."""
    made: list[Web] = []

    def make(**environment: str) -> Web:
        made.append(start_web(tmp_path / f"web-{len(made)}.log", **environment))
        return made[-1]

    yield make
    for web in made:
        web.open.close()
        web.program.stop()


def say(person: Person, text: Any = "x", *, type_: str = "note", **about: Any) -> None:
    """Something happens in the organization of this person."""
    with tenancy.tenant(person.organization_id):
        emit(
            type_,
            organization_id=person.organization_id,
            payload={"n": text},
            **about,
        )


def publish() -> None:
    """As beat does."""
    while publisher.publish_batch():
        pass


def tell(person: Person, *texts: Any, **about: Any) -> None:
    """Something happens, and is published."""
    for text in texts:
        say(person, text, **about)
    publish()


def say_many(person: Person, texts: range) -> None:
    """Much happens at once."""
    with tenancy.tenant(person.organization_id):
        emit_each(
            "note",
            (
                Event(organization_id=person.organization_id, payload={"n": text})
                for text in texts
            ),
        )


def tell_fast(person: Person, count: int) -> None:
    """Much happens, and is published."""
    say_many(person, range(count))
    publish()


def organization(person: Person) -> str:
    """The channel of the organization."""
    return f"organization-activity:{person.organization_id}"


NOBODY = uuid.UUID("0190a000-0000-7000-8000-000000000000")
