"""Servers that are slow, endless, lying or broken."""

import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.core.egress import Policy
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.http import HttpClient
from tests.http_server import HttpServer
from tests.raw_server import Script, answering, read_head, scripted

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LOCAL = Policy(("127.0.0.1",))


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient(LOCAL, max_bytes=1024 * 1024) as client:
        yield client


def failure(client: HttpClient, script: Script, timeout: float = 5) -> RpaError:
    with scripted(script) as server, pytest.raises(RpaError) as caught:
        client.send("GET", server.url(), timeout=timeout)
    return caught.value


def dripping(start: bytes, drop: bytes) -> Script:
    stop = threading.Event()

    def script(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(start)
        while not stop.wait(0.01):
            sock.sendall(drop)

    return script


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b""),
        (b"", b"H"),
        (HEAD, b"X: y\r\n"[:1]),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 99999\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
)
def test_a_slow_answer_ends_at_the_deadline(
    client: HttpClient, start: bytes, drop: bytes
) -> None:
    error = failure(client, dripping(start, drop), timeout=0.3)
    assert (type(error), error.code) == (TemporaryFailure, "timeout")


def test_the_deadline_spans_redirects(client: HttpClient) -> None:
    slow = threading.Event()

    def script(sock: socket.socket) -> None:
        while read_head(sock):
            slow.wait(0.05)
            sock.sendall(
                b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
            )

    wait = timedelta(milliseconds=400)
    with scripted(script) as server, pytest.raises(TemporaryFailure) as caught:
        client.send("GET", server.url(), timeout=wait, max_redirects=10_000)
    assert caught.value.code == "timeout"


def test_a_request_nobody_reads_ends_at_the_deadline(client: HttpClient) -> None:
    stop = threading.Event()
    body = bytes(50_000_000)
    with scripted(lambda sock: stop.wait(10) and None) as server:
        with pytest.raises(TemporaryFailure) as caught:
            client.send("POST", server.url(), data=body, timeout=0.3)
        stop.set()
    assert caught.value.code == "timeout"


def _gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1024 * 1024)
    return b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_a_bomb_ends_at_the_limit(
    client: HttpClient, http_server: HttpServer, coding: str
) -> None:
    body = _gzip_bomb()
    if coding == "gzip, gzip":
        body = gzip.compress(body)
    http_server.answers("/", body=body, headers={"Content-Encoding": coding})
    with pytest.raises(PermanentFailure) as caught:
        client.send("GET", http_server.url("/"))
    assert caught.value.code == "response_too_large"


@pytest.mark.parametrize(
    "start",
    [
        HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
        HEAD + b"\r\n" + b"x" * 2_000_000,
        CHUNKED
        + b"ffff\r\n"
        + b"x" * 0xFFFF
        + b"\r\n"
        + b"fffff0\r\n"
        + b"x" * 2_000_000,
    ],
)
def test_a_large_body_ends_at_the_limit(client: HttpClient, start: bytes) -> None:
    error = failure(client, answering(start))
    assert (type(error), error.code) == (PermanentFailure, "response_too_large")


def test_endless_chunks_end_at_the_limit(client: HttpClient) -> None:
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    error = failure(client, dripping(CHUNKED, chunk * 32))
    assert error.code == "response_too_large"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        HEAD + b"Content-Len",
        HEAD + b"X: y\r\n",
        HEAD + b"Content-Length: 10\r\n\r\nabc",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"5\r\nabcde\r\n",
        CHUNKED + b"zz\r\nabcde\r\n",
    ],
)
def test_a_broken_answer_may_work_later(client: HttpClient, answer: bytes) -> None:
    error = failure(client, answering(answer))
    assert isinstance(error, TemporaryFailure | PermanentFailure)
    assert error.code in ("connection_failed", "bad_response")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/1.1 -1 OK\r\n\r\n",
        b"HTTP/9.9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 100_000,
        HEAD + b"".join(b"X: %s\r\n" % (b"x" * 9_000) for _ in range(9)) + b"\r\n",
        HEAD + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        HEAD + b"Content-Encoding: gzip,gzip,gzip,gzip\r\n\r\nx",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
        HEAD
        + b"Content-Encoding: gzip\r\n\r\n"
        + gzip.compress(b"x" * 999, mtime=0)[:-9],
    ],
)
def test_nonsense_is_a_permanent_failure(client: HttpClient, answer: bytes) -> None:
    error = failure(client, answering(answer))
    assert (type(error), error.code) == (PermanentFailure, "bad_response")


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello"), mtime=0)),
        ("identity", b"hello"),
    ],
)
def test_unpacks_what_was_packed(
    client: HttpClient, http_server: HttpServer, coding: str, packed: bytes
) -> None:
    http_server.answers("/", body=packed, headers={"Content-Encoding": coding})
    assert client.send("GET", http_server.url("/")).text == "hello"


def test_a_body_longer_than_announced_spoils_no_later_answer(
    client: HttpClient,
) -> None:
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    good = HEAD + b"Content-Length: 4\r\n\r\ngood"
    with scripted(answering(good + surplus)) as server:
        bodies = [client.send("GET", server.url()).text for _ in range(3)]
        assert server.connections == 3
    assert bodies == ["good"] * 3


def test_status_999_is_handed_on(client: HttpClient, http_server: HttpServer) -> None:
    http_server.answers("/", status=999, body=b"denied")
    assert client.send("GET", http_server.url("/")).status == 999


def test_a_failed_request_is_not_sent_twice(client: HttpClient) -> None:
    with scripted(answering(b"")) as server, pytest.raises(TemporaryFailure):
        client.send("POST", server.url(), data=b"pay")
    assert server.connections == 1


def test_an_early_refusal_of_a_large_upload_is_read(client: HttpClient) -> None:
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def script(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    with scripted(script) as server:
        assert client.send("PUT", server.url(), data=b"x" * 3_000_000).status == 413


def test_streams_a_body_under_its_own_limit(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/", body=bytes(3_000_000))
    with client.stream("GET", http_server.url("/"), max_bytes=4_000_000) as answer:
        sizes = [len(piece) for piece in answer]
    assert sum(sizes) == 3_000_000
    assert max(sizes) <= 64 * 1024


def test_a_stream_left_early_gives_its_connection_up(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.answers("/", body=bytes(900_000))
    with client.stream("GET", http_server.url("/")) as answer:
        next(iter(answer))
    assert client.send("GET", http_server.url("/")).content == bytes(900_000)


def test_threads_share_a_client(client: HttpClient, http_server: HttpServer) -> None:
    seen: list[str] = []

    def work(name: str) -> None:
        http_server.answers(f"/{name}", body=name)
        for _ in range(20):
            seen.append(client.send("GET", http_server.url(f"/{name}")).text)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted("abcd" * 20)
