"""Redirects: each hop is checked, secrets stay with the host they were meant for."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.core.egress import Address, EgressRefused, Policy
from apps.core.errors import PermanentFailure
from apps.core.http import Hop, HttpClient
from tests.certificates import make_certificate
from tests.http_server import HttpServer, running

SECRETS = {"Authorization": "Bearer s", "Cookie": "c=1", "X-Api-Key": "k", "X-Ok": "1"}


def by_name(host: str, port: int) -> list[Address]:
    return [Address(socket.AF_INET, ("127.0.0.1", port))]


@pytest.fixture
def client() -> Iterator[HttpClient]:
    policy = Policy(("127.0.0.1", "shop.test", "other.test"))
    with HttpClient(policy, resolve=by_name) as client:
        yield client


def redirect(server: HttpServer, path: str, to: str, status: int = 302) -> str:
    server.answers(path, status=status, headers={"Location": to})
    return server.url(path)


def test_follows_a_relative_redirect_and_tells_the_way(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/b/c", body=b"here")
    answer = client.send("GET", redirect(http_server, "/b/a", "c"))
    assert answer.text == "here"
    assert answer.url == http_server.url("/b/c")
    assert answer.history == (Hop(302, http_server.url("/b/a")),)


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "http://[::1]:80/", "http://10.0.0.1/"]
)
def test_a_redirect_to_a_forbidden_host_is_refused(
    client: HttpClient, http_server: HttpServer, target: str
) -> None:
    url = redirect(http_server, "/1", "/2")
    redirect(http_server, "/2", target)
    with pytest.raises(EgressRefused):
        client.send("GET", url)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "http://ann:secret@shop.test/",
        "http://a\\b/",
        "http://[::1",
    ],
)
def test_a_redirect_to_nonsense_is_refused(
    client: HttpClient, http_server: HttpServer, target: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        client.send("GET", redirect(http_server, "/", target))
    assert caught.value.code == "bad_redirect"


def test_a_redirect_away_from_https_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    policy = Policy(("127.0.0.1",))
    tls = certificate.server_context()
    with running(tls) as safe, running() as plain, HttpClient(policy) as client:
        url = redirect(safe, "/", plain.url("/"))
        with pytest.raises(PermanentFailure, match="not secure"):
            client.send("GET", url, verify=str(certificate.path))
        assert plain.requests == []


def test_a_redirect_to_itself_ends(client: HttpClient, http_server: HttpServer) -> None:
    with pytest.raises(PermanentFailure) as caught:
        client.send("GET", redirect(http_server, "/", "/"))
    assert caught.value.code == "too_many_redirects"
    assert len(http_server.requests) == 6


def test_twenty_one_hops_need_leave(
    client: HttpClient, http_server: HttpServer
) -> None:
    for number in range(21):
        redirect(http_server, f"/{number}", f"/{number + 1}")
    http_server.answers("/21", body=b"end")
    url = http_server.url("/0")
    assert client.send("GET", url, max_redirects=21).text == "end"
    with pytest.raises(PermanentFailure, match="20 redirects"):
        client.send("GET", url, max_redirects=20)


def test_redirects_can_be_left_to_the_caller(
    client: HttpClient, http_server: HttpServer
) -> None:
    url = redirect(http_server, "/", "http://10.0.0.1/")
    assert client.send("GET", url, allow_redirects=False).status == 302


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_the_method_changes_as_browsers_do(
    client: HttpClient,
    http_server: HttpServer,
    status: int,
    method: str,
    expected: str,
) -> None:
    url = redirect(http_server, "/", "/end", status)
    client.send(method, url, data=None if method == "HEAD" else b"body")
    request = http_server.requests[1]
    assert request.method == expected
    kept = expected == method and method != "HEAD"
    assert request.body == (b"body" if kept else b"")


def test_secrets_stay_behind_when_the_host_changes(
    client: HttpClient, http_server: HttpServer
) -> None:
    url = redirect(http_server, "/", http_server.url("/end", host="other.test"))
    client.send("GET", url, headers=SECRETS, secret_headers=["x-api-key"])
    first, last = http_server.requests
    assert {name: first.headers[name] for name in SECRETS} == SECRETS
    assert [last.headers[name] for name in SECRETS] == [None, None, None, "1"]


def test_secrets_stay_behind_when_the_port_changes(
    client: HttpClient, http_server: HttpServer
) -> None:
    with running() as other:
        url = redirect(http_server, "/", other.url("/end"))
        client.send("GET", url, auth=("ann", "secret"))
        assert http_server.requests[0].headers["Authorization"]
        assert other.requests[0].headers["Authorization"] is None


def test_secrets_follow_within_the_host(
    client: HttpClient, http_server: HttpServer
) -> None:
    client.send("GET", redirect(http_server, "/", "/end"), headers=SECRETS)
    assert http_server.requests[1].headers["X-Api-Key"] == "k"
    assert http_server.requests[1].headers["Authorization"] == "Bearer s"


def test_secrets_do_not_come_back_by_a_detour(
    client: HttpClient, http_server: HttpServer
) -> None:
    url = redirect(http_server, "/", http_server.url("/away", host="other.test"))
    redirect(http_server, "/away", http_server.url("/end"))
    client.send("GET", url, headers=SECRETS)
    assert http_server.requests[2].headers["Authorization"] is None


def test_cookies_last_for_the_journey_only(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers(
        "/", status=302, headers=[("Location", "/end"), ("Set-Cookie", "s=1; Path=/")]
    )
    for _ in range(2):
        client.send("GET", http_server.url("/"))
    cookies = [request.headers["Cookie"] for request in http_server.requests]
    assert cookies == [None, "s=1", None, "s=1"]
