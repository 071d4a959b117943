"""The proxy that puts a browser under the egress policy."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests

from apps.core.egress import Address, Policy
from apps.core.egress.proxy import EgressProxy, Refusal
from tests.certificates import make_certificate
from tests.http_server import HttpServer, running
from tests.raw_server import answering, read_exactly, read_head, scripted

LOCAL = Policy(("127.0.0.1", "shop.test"))


def by_name(host: str, port: int) -> list[Address]:
    """`shop.test` is this machine, `mixed.test` half private, others unknown."""
    known = {"shop.test": ["127.0.0.1"], "mixed.test": ["1.1.1.1", "10.0.0.1"]}
    if host not in known:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [Address(socket.AF_INET, (ip, port)) for ip in known[host]]


@pytest.fixture
def proxy() -> Iterator[EgressProxy]:
    with EgressProxy(LOCAL, resolve=by_name) as proxy:
        yield proxy


@pytest.fixture
def browser(proxy: EgressProxy) -> Iterator[requests.Session]:
    """A client that sends everything through the proxy."""
    host, port = proxy.start()
    with requests.Session() as session:
        session.trust_env = False
        address = f"http://{host}:{port}"
        session.proxies = {"http": address, "https": address}
        yield session


def dial(proxy: EgressProxy) -> socket.socket:
    return socket.create_connection(proxy.start(), 5)


def say(proxy: EgressProxy, data: bytes) -> bytes:
    """What the proxy answers to raw bytes, up to its end of the connection."""
    answer = b""
    with dial(proxy) as sock:
        sock.sendall(data)
        while piece := sock.recv(65536):
            answer += piece
    return answer


def test_what_it_hands_on_does_not_wait_for_the_browsers_word(
    proxy: EgressProxy, http_server: HttpServer
) -> None:
    http_server.answers("/a", body=b"made")
    with dial(proxy) as sock:
        sock.sendall(
            f"GET {http_server.url('/a')} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        assert read_head(sock).startswith(b"HTTP/1.1 200")
        server = proxy._server
        assert server is not None
        (client,) = server._open
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_carries_plain_requests(
    browser: requests.Session, http_server: HttpServer
) -> None:
    http_server.answers("/a", status=201, body=b"made", headers={"X-A": "1"})
    answer = browser.post(http_server.url("/a?b=c"), data=b"x" * 100_000)
    assert (answer.status_code, answer.text, answer.headers["X-A"]) == (
        201,
        "made",
        "1",
    )
    request = http_server.requests[0]
    assert (request.query, len(request.body)) == ({"b": ["c"]}, 100_000)
    assert request.headers["Proxy-Connection"] is None


def test_keeps_the_clients_connection_for_several_servers(
    proxy: EgressProxy, http_server: HttpServer
) -> None:
    with running() as other, dial(proxy) as sock:
        for server in (http_server, other, http_server):
            server.answers("/", body=b"ok")
            sock.sendall(f"GET {server.url()} HTTP/1.1\r\nHost: evil\r\n\r\n".encode())
            head = read_head(sock)
            assert head.startswith(b"HTTP/1.1 200")
            assert read_exactly(sock, 2) == b"ok"
        assert http_server.requests[1].headers["Host"] == http_server.address


def test_carries_bodies_sent_in_chunks(
    browser: requests.Session, http_server: HttpServer
) -> None:
    browser.post(http_server.url(), data=iter([b"one", b"two"]))
    assert http_server.requests[0].body == b"onetwo"


def test_carries_a_body_that_ends_with_the_connection(
    browser: requests.Session,
) -> None:
    with scripted(answering(b"HTTP/1.0 200 OK\r\n\r\n", b"to the end")) as server:
        assert browser.get(server.url()).text == "to the end"


def test_tunnels_https(
    browser: requests.Session, proxy: EgressProxy, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)
    with running(certificate.server_context()) as server:
        server.answers("/", body=bytes(20_000_000))
        answer = browser.get(server.url(), verify=str(certificate.path))
    assert len(answer.content) == 20_000_000


def test_tunnels_both_ways_at_once(proxy: EgressProxy) -> None:
    def echo(sock: socket.socket) -> None:
        while data := sock.recv(65536):
            sock.sendall(data)

    with scripted(echo) as server, dial(proxy) as sock:
        sock.sendall(
            f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\nearly".encode()
        )
        assert read_head(sock).startswith(b"HTTP/1.1 200")
        sock.sendall(b"x" * 100_000)
        sock.shutdown(socket.SHUT_WR)
        back = b"".join(iter(lambda: sock.recv(65536), b""))
    assert back == b"early" + b"x" * 100_000


def test_a_sender_that_never_reads_stops_nothing_else(
    proxy: EgressProxy, browser: requests.Session, http_server: HttpServer
) -> None:
    def floods(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"x" * 65536)

    http_server.answers("/", body=b"ok")
    with scripted(floods) as server, dial(proxy) as sock:
        sock.sendall(f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert browser.get(http_server.url()).text == "ok"


@pytest.mark.parametrize("as_tunnel", [True, False])
def test_passes_websocket_upgrades(proxy: EgressProxy, as_tunnel: bool) -> None:
    def script(sock: socket.socket) -> None:
        assert b"upgrade: websocket" in read_head(sock).lower()
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\nhello"
        )
        sock.sendall(read_exactly(sock, 5).upper())

    with scripted(script) as server, dial(proxy) as sock:
        target = f"ws://{server.address}/live"
        if as_tunnel:
            sock.sendall(
                f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
            read_head(sock)
            target = "/live"
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        head = f"GET {target} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n"
        sock.sendall(head.encode())
        assert read_head(sock).startswith(b"HTTP/1.1 101")
        sock.sendall(b"frame")
        assert read_exactly(sock, 10) == b"helloFRAME"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("169.254.169.254", "cloud metadata address"),
        ("[::1]", "loopback address"),
        ("0x7f.2", "loopback address"),
        ("10.0.0.1", "private address"),
        ("[::ffff:169.254.169.254]", "cloud metadata address (169.254.169.254)"),
        ("mixed.test", "private address"),
    ],
)
def test_says_why_it_refuses(proxy: EgressProxy, host: str, reason: str) -> None:
    close = b"Connection: close\r\n\r\n"
    answers = [
        say(proxy, f"GET http://{host}/ HTTP/1.1\r\nHost: x\r\n".encode() + close),
        say(proxy, f"CONNECT {host}:80 HTTP/1.1\r\nHost: x\r\n\r\n".encode()),
    ]
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert f"X-Egress-Refused: {reason}\r\n".encode() in answer
        assert b"EGRESS_ALLOW" in answer
    assert [refusal[1:] for refusal in proxy.refusals] == [(80, reason)] * 2


def test_a_refused_upload_still_gets_its_answer(browser: requests.Session) -> None:
    answer = browser.post("http://10.0.0.1/", data=bytes(500_000))
    assert answer.status_code == 403
    assert browser.get("http://10.0.0.1/").headers["X-Egress-Refused"]


def test_a_redirect_to_a_refused_host_is_refused(
    browser: requests.Session, proxy: EgressProxy, http_server: HttpServer
) -> None:
    location = {"Location": "http://169.254.169.254/"}
    http_server.answers("/", status=302, headers=location)
    assert browser.get(http_server.url()).status_code == 403
    assert proxy.refusals[0].host == "169.254.169.254"


def test_the_canary_hears_nothing(http_server: HttpServer) -> None:
    with EgressProxy(Policy()) as proxy:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            place = f"{host}:{http_server.port}"
            say(proxy, f"CONNECT {place} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert http_server.requests == []
    assert len(proxy.refusals) == 4


def test_an_unknown_name_is_a_bad_gateway(browser: requests.Session) -> None:
    answer = browser.get("http://nowhere.test/")
    assert answer.status_code == 502
    assert answer.headers["X-Egress-Error"] == "dns_failed"


@pytest.mark.parametrize(
    "reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
)
def test_a_server_that_makes_no_sense_is_a_bad_gateway(
    browser: requests.Session, reply: bytes
) -> None:
    with scripted(answering(reply)) as server:
        assert browser.get(server.url()).status_code == 502


def test_a_cut_answer_is_not_made_whole(browser: requests.Session) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    with (
        scripted(answering(reply)) as server,
        pytest.raises(requests.RequestException),
    ):
        browser.get(server.url())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET https://a/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET http://a\\b/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"CONNECT a..b:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"CONNECT user@10.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"CONNECT a:0 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET http://a/ HTTP/1.1\r\nX: " + b"x" * 70_000, b"431"),
    ],
)
def test_nonsense_from_the_client_gets_a_clear_answer(
    proxy: EgressProxy, request_: bytes, status: bytes
) -> None:
    assert say(proxy, request_).startswith(b"HTTP/1.1 " + status)


def test_smuggled_requests_reach_nobody(
    proxy: EgressProxy, http_server: HttpServer
) -> None:
    both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    inner = "0\r\n\r\nGET /inner HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head = f"POST {http_server.url()} HTTP/1.1\r\nHost: x\r\n{both}\r\n"
    say(proxy, (head + inner).encode())
    assert "/inner" not in [request.path for request in http_server.requests]


def test_silence_ends_a_connection() -> None:
    with (
        EgressProxy(LOCAL, idle_timeout=timedelta(milliseconds=100)) as proxy,
        scripted(lambda sock: sock.recv(1) and None) as server,
        dial(proxy) as idle,
        dial(proxy) as tunnel,
    ):
        tunnel.sendall(f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        read_head(tunnel)
        assert (idle.recv(1), tunnel.recv(1)) == (b"", b"")


def test_too_many_connections_are_turned_away() -> None:
    with EgressProxy(LOCAL, max_connections=2) as proxy:
        kept = [dial(proxy), dial(proxy)]
        with dial(proxy) as third:
            assert read_head(third).startswith(b"HTTP/1.1 503")
        for sock in kept:
            sock.close()


@pytest.mark.parametrize("as_tunnel", [True, False])
def test_more_bytes_than_allowed_cut_the_answer(as_tunnel: bool) -> None:
    reply = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(300_000)
    with (
        EgressProxy(LOCAL, max_bytes=100_000) as proxy,
        scripted(answering(reply)) as server,
    ):
        target = server.address if as_tunnel else server.url()
        method = "CONNECT" if as_tunnel else "GET"
        got = say(
            proxy, f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\n".encode()
        )
    assert len(got) < 200_000
    assert proxy.refusals == [
        Refusal("127.0.0.1", server.port, "more than 100000 bytes in one answer")
    ]


def test_a_hundred_tunnels_work_at_once(proxy: EgressProxy) -> None:
    with scripted(lambda sock: sock.sendall(sock.recv(1))) as server:
        tunnels = [dial(proxy) for _ in range(100)]
        for sock in tunnels:
            sock.sendall(
                f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
        for sock in tunnels:
            read_head(sock)
            sock.sendall(b"x")
        assert [sock.recv(1) for sock in tunnels] == [b"x"] * 100
        for sock in tunnels:
            sock.close()


def test_stop_ends_everything(proxy: EgressProxy) -> None:
    with scripted(lambda sock: sock.recv(1) and None) as server, dial(proxy) as sock:
        sock.sendall(f"CONNECT {server.address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        read_head(sock)
        place = proxy.start()
        proxy.stop()
        proxy.stop()
        assert sock.recv(1) == b""
        with closing(socket.socket()) as late:
            assert late.connect_ex(place) != 0


def test_a_client_that_leaves_ends_the_request_it_waits_for(
    proxy: EgressProxy,
) -> None:
    asked, ended = threading.Event(), threading.Event()

    def script(sock: socket.socket) -> None:
        read_head(sock)
        asked.set()
        if sock.recv(1) == b"":
            ended.set()

    with scripted(script) as server:
        with dial(proxy) as sock:
            sock.sendall(f"GET {server.url()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert asked.wait(5)
        assert ended.wait(5)


@pytest.mark.parametrize(
    ("client", "is_served"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.9.0.2", True),  # the address it listens on: this machine itself
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("10.9.0.3", False),
        ("::ffff:10.9.0.3", False),
        ("2002:a01:203::1", False),  # 10.1.2.3, as a tunnel writes it
        ("fd00::7%eth0", True),
        ("8.8.8.8", False),
    ],
)
def test_serves_this_machine_and_its_peers_alone(client: str, is_served: bool) -> None:
    peers = [ip_network("10.1.0.0/16"), ip_network("fd00::/64")]
    proxy = EgressProxy(LOCAL, listen="10.9.0.2", peers=peers)
    assert proxy.serves(client) is is_served


def test_a_stranger_gets_no_answer(
    proxy: EgressProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "serves", lambda client: False)
    with dial(proxy) as sock:
        assert sock.recv(1) == b""


def test_is_reached_by_loopback_when_it_listens_everywhere() -> None:
    with EgressProxy(LOCAL, listen="0.0.0.0") as proxy:  # guarded by peers
        assert proxy.start()[0] == "127.0.0.1"
        with dial(proxy) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 4")
