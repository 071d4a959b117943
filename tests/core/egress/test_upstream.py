"""The egress proxy that goes out by a proxy of the workflow's own."""

import contextlib
import socket
from datetime import timedelta

import pytest
import requests

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy, Refusal
from apps.core.egress.upstream import Server, Upstream, parse_server
from tests.certificates import make_certificate
from tests.http_server import running
from tests.raw_server import scripted
from tests.upstream_proxy import upstream_proxy

SHOP = "shop.example.com"
LOGIN = ("robot", "geheim:ä")
SCHEMES = ("http", "socks5")


@contextlib.contextmanager
def going_out(address, scheme="http", allow=(), limit_s=3, **more):
    """A client that takes our proxy, which takes the one at `address`."""
    policy = Policy((address, *allow))
    upstream = Upstream(parse_server(f"{scheme}://{address}"), **more)
    limit = timedelta(seconds=limit_s)
    with (
        EgressProxy(policy, upstream=upstream, connect_timeout=limit) as proxy,
        requests.Session() as client,
    ):
        own = "http://{}:{}".format(*proxy.start())
        client.trust_env = False
        client.proxies = {"http": own, "https": own}
        yield client, proxy


def refused(client, url):
    """What our proxy answers to a tunnel that it does not open."""
    with pytest.raises(requests.exceptions.ProxyError) as caught:
        client.get(url.replace("http:", "https:"))
    return str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", [None, LOGIN])
def test_carries_plain_requests(http_server, scheme, login):
    http_server.answers("/a", body=b"there", headers={"X-A": "1"})
    there = {f"{SHOP}:8080": http_server.port}
    user = dict(zip(("username", "password"), login or (), strict=False))
    with (
        upstream_proxy(there, login) as theirs,
        going_out(theirs.address, scheme, **user) as (client, _),
    ):
        answer = client.post(f"http://{SHOP}:8080/a?b=c", data=b"x" * 100_000)
    assert (answer.text, answer.headers["X-A"]) == ("there", "1")
    request = http_server.requests[0]
    assert (request.query, len(request.body)) == ({"b": ["c"]}, 100_000)
    plain = f"post http://{SHOP}:8080/a?b=c"
    assert theirs.asked == [plain if scheme == "http" else f"socks {SHOP}:8080"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tunnels_https(tmp_path, scheme):
    certificate = make_certificate(tmp_path)
    with running(certificate.server_context()) as server:
        server.answers("/", body=bytes(3_000_000))
        with (
            upstream_proxy({"127.0.0.1:443": server.port}, LOGIN) as theirs,
            going_out(
                theirs.address,
                scheme,
                allow=["127.0.0.1:443"],
                username=LOGIN[0],
                password=LOGIN[1],
            ) as (client, _),
        ):
            answer = client.get("https://127.0.0.1/", verify=str(certificate.path))
    assert len(answer.content) == 3_000_000
    word = "connect" if scheme == "http" else "socks"
    assert theirs.asked == [f"{word} 127.0.0.1:443"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("user", [{}, {"username": "robot", "password": "wrong"}])
def test_a_wrong_login_is_told(scheme, user):
    with (
        upstream_proxy({f"{SHOP}:80": 1}, LOGIN) as theirs,
        going_out(theirs.address, scheme, **user) as (client, _),
    ):
        answer = client.get(f"http://{SHOP}/")
        refused(client, f"http://{SHOP}/")
    assert answer.status_code == 502
    assert answer.headers["X-Egress-Error"] == "proxy_auth_failed"
    assert "wrong" not in answer.text


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "loopback address"),
        ("0x7f.1", "loopback address"),
        ("[::1]", "loopback address"),
        ("169.254.169.254", "cloud metadata address"),
        ("10.1.2.3", "private address"),
        ("localhost", "private name"),
        ("db", "private name"),
        ("metadata.google.internal", "private name"),
        ("printer.local", "private name"),
    ],
)
def test_targets_that_cannot_be_public_are_not_asked_for(scheme, host, reason):
    with (
        upstream_proxy({}) as theirs,
        going_out(theirs.address, scheme) as (client, proxy),
    ):
        answer = client.get(f"http://{host}:8000/")
        refused(client, f"http://{host}:8000/")
    assert answer.status_code == 403
    assert answer.headers["X-Egress-Refused"] == reason
    assert theirs.asked == []
    assert {one.reason for one in proxy.refusals} == {reason}


def test_an_operator_can_allow_a_private_name(http_server):
    http_server.answers("/", body=b"inside")
    with (
        upstream_proxy({"db:8000": http_server.port}) as theirs,
        going_out(theirs.address, allow=["db:8000"]) as (client, _),
    ):
        assert client.get("http://db:8000/").text == "inside"


def test_the_proxy_itself_has_to_be_allowed(http_server):
    with upstream_proxy({f"{SHOP}:80": http_server.port}) as theirs:
        upstream = Upstream(parse_server(f"http://{theirs.address}"))
        with (
            EgressProxy(Policy(), upstream=upstream) as proxy,
            socket.create_connection(proxy.start(), 5) as sock,
        ):
            sock.sendall(f"CONNECT {SHOP}:80 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert sock.recv(4096).startswith(b"HTTP/1.1 403")
        reason = "the workflow's proxy has a loopback address"
        assert proxy.refusals == [Refusal(SHOP, 80, reason)]
    assert theirs.asked == []


def test_what_is_left_out_is_reached_without_it_and_checked(http_server):
    http_server.answers("/", body=b"direct")
    with (
        upstream_proxy({}) as theirs,
        going_out(
            theirs.address, allow=[http_server.address], bypass=("127.0.0.1",)
        ) as (
            client,
            _,
        ),
    ):
        assert client.get(http_server.url()).text == "direct"
        assert client.get("http://127.0.0.1:1/").status_code == 403
    assert theirs.asked == []


def test_a_star_stands_for_all_below_a_name():
    upstream = Upstream(Server("http", "p", 1), bypass=("*.Example.com", "a.org"))
    hosts = (
        "x.example.com",
        "a.b.example.com",
        "example.com",
        "myexample.com",
        "a.org",
    )
    assert [upstream.passes_by(host) for host in hosts] == [
        *(True, True, False, False, True)
    ]


def asked_for_a_tunnel(proxy):
    with socket.create_connection(proxy.start(), 5) as sock:
        sock.sendall(f"CONNECT {SHOP}:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return sock.recv(4096)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_proxy_refuses_is_told(scheme):
    with (
        upstream_proxy({}) as theirs,
        going_out(theirs.address, scheme) as (_, proxy),
    ):
        answer = asked_for_a_tunnel(proxy)
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"X-Egress-Error: proxy_refused" in answer


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x05",
        b"\x05\x00\x05\x05",
        b"HTTP/1.1 503 -\r\n\r\n",
    ],
)
def test_a_proxy_that_is_none_is_a_temporary_failure(scheme, said):
    def talk(sock):
        sock.recv(4096)
        sock.sendall(said)

    with (
        scripted(talk) as server,
        going_out(server.address, scheme) as (_, proxy),
    ):
        answer = asked_for_a_tunnel(proxy)
    assert answer.startswith(b"HTTP/1.1 50")
    assert b"X-Egress-Error: proxy_failed" in answer


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_that_says_nothing_costs_the_time_of_a_connection(scheme):
    with (
        scripted(
            lambda sock: sock.recv(1) and sock.recv(100_000, socket.MSG_WAITALL)
        ) as server,
        going_out(server.address, scheme, limit_s=0.2) as (_, proxy),
    ):
        answer = asked_for_a_tunnel(proxy)
    assert answer.startswith(b"HTTP/1.1 504")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("http://Proxy.Example.com:3128", Server("http", "proxy.example.com", 3128)),
        ("socks5://[::1]:1080/", Server("socks5", "::1", 1080)),
    ],
)
def test_reads_servers(text, server):
    assert parse_server(text) == server


@pytest.mark.parametrize(
    "text",
    [
        *("", "proxy:3128", "http://proxy", "https://proxy:1", "socks4://proxy:1"),
        *("http://a:b@proxy:1", "http://proxy:0", "http://proxy:99999"),
        *("http://pro xy:1", "http://proxy:1/path", "http://:1"),
    ],
)
def test_refuses_other_servers(text):
    with pytest.raises(ValueError, match="must"):
        parse_server(text)
