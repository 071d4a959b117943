"""Connections are made to checked addresses only."""

import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from apps.core.egress import Address, EgressRefused, InvalidHost, Policy, connect
from apps.core.errors import TemporaryFailure
from tests.http_server import HttpServer

LOOPBACK = "127.0.0.1"


class Names:
    """A resolver that gives one prepared list of addresses after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[Address]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [
            Address(socket.AF_INET6, (ip, port, 0, 0))
            if ":" in ip
            else Address(socket.AF_INET, (ip, port))
            for ip in answer
        ]


@pytest.mark.parametrize(
    "host",
    [
        "0",
        "0x7f.1",
        "017700000001",
        "127.1",
        "2130706433",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST.",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "127\u30020\u30020\u30021",
        "[::1]",
        "::1",
        "[::ffff:169.254.169.254]",
        "[::a9fe:a9fe]",
        "[::ffff:0:7f00:1]",
        "[fec0::1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1%25eth0]",
        "fe80::1%lo",
        "168.63.129.16",
        "100.100.100.200",
    ],
)
def test_every_spelling_of_a_forbidden_address_is_refused(host: str) -> None:
    with pytest.raises(EgressRefused):
        connect(host, 80, policy=Policy(), timeout=5)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "a b",
        "a\tb",
        "a\nb",
        "a\x00b",
        "user@db",
        "db\\x",
        "db/x",
        "db#x",
        "x" * 64,
        "x." * 127 + "xyz",
        "-x",
        "[::1",
        "[::g]",
        "::1%",
        "xn--\u00fc",
        "%31.com",
        "a:b",
    ],
)
def test_a_malformed_host_is_a_clear_error(host: str) -> None:
    with pytest.raises(InvalidHost):
        connect(host, 80, policy=Policy(), timeout=5)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_malformed_port_is_a_clear_error(port: int) -> None:
    with pytest.raises(InvalidHost):
        connect("example.com", port, policy=Policy(), timeout=5)


def test_one_forbidden_answer_among_public_ones_is_refused() -> None:
    names = Names(["93.184.216.34", "10.0.0.1"])
    with pytest.raises(EgressRefused, match=r"10\.0\.0\.1"):
        connect("mixed.test", 80, policy=Policy(), timeout=5, resolve=names)


def test_a_name_that_changes_its_answer_is_asked_once(http_server: HttpServer) -> None:
    port = http_server.port
    names = Names([LOOPBACK], ["10.0.0.1"])
    policy = Policy((f"{LOOPBACK}:{port}",))
    with connect("swap.test", port, policy=policy, timeout=5, resolve=names) as sock:
        assert sock.getpeername() == (LOOPBACK, port)
    assert names.asked == 1


def test_an_allowed_name_may_be_private(http_server: HttpServer) -> None:
    policy = Policy((f"shop.test:{http_server.port}",))
    names = Names([LOOPBACK])
    port = http_server.port
    with connect("Shop.test.", port, policy=policy, timeout=5, resolve=names) as sock:
        assert sock.getpeername() == (LOOPBACK, port)


def test_falls_back_to_the_next_checked_address(http_server: HttpServer) -> None:
    policy = Policy(("127.0.0.0/8",))
    names = Names(["127.0.0.9", LOOPBACK])  # nobody listens on the first
    port = http_server.port
    with connect("two.test", port, policy=policy, timeout=5, resolve=names) as sock:
        assert sock.getpeername()[0] == LOOPBACK


def test_a_name_without_address_may_work_later() -> None:
    def fails(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(TemporaryFailure, match="Name or service") as caught:
        connect("gone.test", 80, policy=Policy(), timeout=5, resolve=fails)
    assert caught.value.code == "dns_failed"


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_resolver_that_hangs_ends_at_the_time_limit(stop: threading.Event) -> None:
    def hangs(host: str, port: int) -> list[Address]:
        stop.wait()
        return []

    with pytest.raises(TemporaryFailure, match="in time") as caught:
        connect("slow.test", 80, policy=Policy(), timeout=0.05, resolve=hangs)
    assert caught.value.code == "dns_failed"


def test_a_closed_port_may_work_later() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TemporaryFailure, match="refused") as caught:
        connect(LOOPBACK, port, policy=Policy((LOOPBACK,)), timeout=5)
    assert caught.value.code == "connection_failed"


def test_a_full_backlog_ends_at_the_time_limit() -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as server:
        place = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(place)
        with pytest.raises(TemporaryFailure, match="in time") as caught:
            connect(*place, policy=Policy((LOOPBACK,)), timeout=0.2)
        for sock in waiting:
            sock.close()
    assert caught.value.code == "timeout"
