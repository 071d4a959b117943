"""The HTTP client: requests, answers, redirects, secrets and refusals."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from apps.core.egress import Address, EgressRefused, Policy
from apps.core.errors import PermanentFailure, RpaError
from apps.core.http import HttpClient
from tests.http_server import Answer, HttpServer, Request, running

LOOPBACK = "127.0.0.1"
LOCAL = Policy(("127.0.0.0/8", "::1"))


def by_name(host: str, port: int) -> list[Address]:
    """Every name ending in .test is this machine."""
    assert host.endswith(".test")
    return [Address(socket.AF_INET, (LOOPBACK, port))]


@pytest.fixture
def client() -> Any:
    with HttpClient(LOCAL, resolve=by_name) as client:
        yield client


def code_of(call: Callable[..., object], *args: Any, **options: Any) -> str:
    with pytest.raises(RpaError) as caught:
        call(*args, **options)
    return caught.value.code


def test_sends_json_and_reads_the_answer(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/orders", status=201, json={"id": 7})
    url = http_server.url("/orders")
    answer = client.send("post", url, params={"q": "a b"}, json={"n": 1})
    request = http_server.requests[0]
    assert (answer.status, answer.json()) == (201, {"id": 7})
    assert (request.method, request.query) == ("POST", {"q": ["a b"]})
    assert request.json() == {"n": 1}
    assert answer.headers["content-type"] == "application/json"


def test_sends_forms_and_files(client: HttpClient, http_server: HttpServer) -> None:
    url = http_server.url("/")
    client.send("POST", url, data={"a": "1"}, files={"f": ("n.txt", b"text")})
    assert b'filename="n.txt"' in http_server.requests[0].body


def test_sends_a_stream_in_chunks(client: HttpClient, http_server: HttpServer) -> None:
    client.send("PUT", http_server.url("/"), data=iter([b"one", b"two"]))
    assert http_server.requests[0].body == b"onetwo"


def test_user_and_password_become_a_header_and_are_not_shown(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/")
    url = http_server.url("/", host="ann:secret@127.0.0.1")
    answer = client.send("GET", url)
    assert http_server.requests[0].headers["Authorization"].startswith("Basic ")
    assert "secret" not in answer.url


def test_the_environment_brings_neither_proxy_nor_password(
    client: HttpClient,
    http_server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client.send("GET", http_server.url("/"))
    client.session().get(http_server.url("/"))
    for request in http_server.requests:
        assert request.headers["Authorization"] is None


def test_head_and_no_content_have_no_body(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/h", headers={"Content-Length": "500"})
    http_server.answers("/n", status=204)
    assert client.send("HEAD", http_server.url("/h")).content == b""
    assert client.send("GET", http_server.url("/n")).content == b""


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", b"\xe9", "é"),
        ("text/plain; charset=nonsense", b"ok", "ok"),
        ("text/plain; charset=hex", b"6f", "6f"),
        ("text/plain", b"\xef\xbb\xbfx", "x"),
        ("text/plain", b"a\xff", "a\ufffd"),
    ],
)
def test_text_follows_the_charset_and_never_fails(
    client: HttpClient,
    http_server: HttpServer,
    content_type: str,
    body: bytes,
    text: str,
) -> None:
    http_server.answers("/", body=body, headers={"Content-Type": content_type})
    assert client.send("GET", http_server.url("/")).text == text


@pytest.mark.parametrize("body", ["<html>", "", "[" * 100_000])
def test_what_is_no_json_is_a_clear_error(
    client: HttpClient, http_server: HttpServer, body: str
) -> None:
    http_server.answers("/", body=body)
    answer = client.send("GET", http_server.url("/"))
    assert code_of(answer.json) == "invalid_json"


def test_connections_are_kept_for_the_next_call(client: HttpClient) -> None:
    ports = []

    def reply(request: Request) -> Answer:
        return Answer(200, b"x" * 100_000)

    with running() as server:
        server.answers_with("/", reply)
        for method in ("GET", "GET", "POST"):
            client.send(method, server.url("/"))
            (kept,) = client._adapter._pool._idle
            ports.append(kept[1].sock.sock.getsockname()[1])
    assert len(set(ports)) == 1


def test_a_connection_that_died_meanwhile_is_replaced(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/", body=b"ok")
    client.send("GET", http_server.url("/"))
    http_server._server.drop_connections()
    assert client.send("GET", http_server.url("/")).text == "ok"


def test_two_clients_share_no_connection(http_server: HttpServer) -> None:
    with HttpClient(LOCAL) as open_client, HttpClient(Policy()) as strict:
        open_client.send("GET", http_server.url("/"))
        with pytest.raises(EgressRefused):
            strict.send("GET", http_server.url("/"))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::a9fe:a9fe]/",
        "http://[::ffff:0:7f00:1]/",
        "http://[fec0::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost.:6379/",
        "http://a@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://x:y@[::1]:80/",
        "HTTPS://LOCALHOST/",
    ],
)
def test_no_spelling_reaches_a_forbidden_host(url: str) -> None:
    with HttpClient(Policy()) as client, pytest.raises(EgressRefused):
        client.send("GET", url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "http://",
        "http:///x",
        "http:8.8.8.8/",
        "http://:80/",
        "http://127.0.0.1\\@x/",
        "http://\\\\127.0.0.1/",
        "http://127.0.0.1\t/",
        "ht\ntp://127.0.0.1/",
        "http://127.0.0.1/\r\nX: y",
        "http://a b/",
        "http://a:99999/",
        "http://a:0/",
        "http://a:x/",
        "http://[::1/",
        "http://a..b/",
        "http://a/" + "x" * 40_000,
        "gopher://a/",
        "ftp://a/",
        "file:///etc/passwd",
        "data:text/plain,x",
        "unix:///run/x.sock",
        "javascript:alert(1)",
    ],
)
def test_other_urls_are_refused_before_anything_is_sent(
    client: HttpClient, url: str
) -> None:
    assert code_of(client.send, "GET", url) in ("invalid_url", "invalid_request")


def test_what_follows_a_hash_is_no_host(client: HttpClient) -> None:
    with running() as server:
        client.send("GET", f"http://shop.test:{server.port}#@127.0.0.2/")
        assert server.requests[0].headers["Host"] == f"shop.test:{server.port}"


@pytest.mark.parametrize("method", ["", "GET /x", "G\r\nX: y", "CONNECT", "GÉT"])
def test_a_strange_method_is_refused(client: HttpClient, method: str) -> None:
    assert code_of(client.send, method, "http://shop.test/") == "invalid_request"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "1\n"),
        ("X-A", "\x00"),
        ("X-A", "\u20ac"),
        ("X-A\r\nX-B", "1"),
        ("X A", "1"),
        ("X:A", "1"),
        ("", "1"),
        ("Host", "internal"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"),
        ("X-A", "x" * 1024 * 1024),
    ],
)
def test_headers_that_break_the_message_are_refused(
    client: HttpClient, name: str, value: str
) -> None:
    options = {"headers": {name: value}}
    assert code_of(client.send, "GET", "http://a.test/", **options) == "invalid_header"


def test_too_many_headers_are_refused(client: HttpClient) -> None:
    options = {"headers": {f"X-{number}": "" for number in range(101)}}
    assert code_of(client.send, "GET", "http://a.test/", **options) == "invalid_header"


def test_json_that_cannot_be_written_is_refused(client: HttpClient) -> None:
    options = {"json": {"a": float("nan")}}
    assert (
        code_of(client.send, "POST", "http://a.test/", **options) == "invalid_request"
    )


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_strange_timeout_is_refused(client: HttpClient, timeout: float) -> None:
    options = {"timeout": timeout}
    assert code_of(client.send, "GET", "http://a.test/", **options) == "invalid_request"


def test_a_name_that_changes_its_answer_never_reaches_loopback() -> None:
    answers = [["198.51.100.1"], ["127.0.0.1"]]

    def rebinds(host: str, port: int) -> list[Address]:
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [Address(socket.AF_INET, (ip, port)) for ip in found]

    with running() as canary, HttpClient(Policy(), resolve=rebinds) as client:
        for _ in range(3):
            with pytest.raises(EgressRefused):
                client.send("GET", f"http://rebind.test:{canary.port}/")
    assert canary.requests == []


def test_a_session_for_other_libraries_is_guarded_too(http_server: HttpServer) -> None:
    http_server.answers("/", status=302, headers={"Location": "http://10.0.0.1/"})
    with HttpClient(LOCAL) as client, HttpClient(Policy()) as strict:
        assert client.session().get(http_server.url("/")).status_code == 302
        with pytest.raises(EgressRefused):
            strict.session().get(http_server.url("/"))


def test_a_refusal_is_permanent() -> None:
    with HttpClient(Policy()) as client, pytest.raises(PermanentFailure):
        client.send("GET", "http://127.0.0.1/")
