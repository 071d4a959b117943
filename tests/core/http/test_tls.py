"""Certificates are verified, for the name that was asked for."""

import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.core.egress import Policy
from apps.core.errors import PermanentFailure, RpaError
from apps.core.http import HttpClient
from tests.certificates import make_certificate
from tests.http_server import running
from tests.raw_server import Script, scripted

LOCAL = Policy(("127.0.0.1",))


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with running(certificate.server_context()) as server, HttpClient(LOCAL) as client:
        server.answers("/", body=b"safe")
        answer = client.send("GET", server.url("/"), verify=str(certificate.path))
    assert answer.text == "safe"


@pytest.mark.parametrize(
    ("host", "age", "is_trusted", "why"),
    [
        ("127.0.0.1", timedelta(0), False, "self.signed"),
        ("127.0.0.1", timedelta(days=9), True, "expired"),
        ("127.0.0.1", timedelta(days=-9), True, "not yet valid"),
        ("other.test", timedelta(0), True, "mismatch"),
    ],
)
def test_a_bad_certificate_is_a_permanent_failure(
    tmp_path: Path, host: str, age: timedelta, is_trusted: bool, why: str
) -> None:
    certificate = make_certificate(tmp_path, host, age)
    verify = str(certificate.path) if is_trusted else True
    with running(certificate.server_context()) as server, HttpClient(LOCAL) as client:
        with pytest.raises(PermanentFailure, match=why) as caught:
            client.send("GET", server.url("/"), verify=verify)
        assert server.requests == []
    assert caught.value.code == "tls_failed"


def test_verification_can_be_left_out_on_purpose(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "other.test")
    with running(certificate.server_context()) as server, HttpClient(LOCAL) as client:
        server.answers("/", body=b"ok")
        assert client.send("GET", server.url("/"), verify=False).text == "ok"
        with pytest.raises(PermanentFailure):
            client.send("GET", server.url("/"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = certificate.server_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1
    with (
        running(context) as server,
        HttpClient(LOCAL) as client,
        pytest.raises(PermanentFailure) as caught,
    ):
        client.send("GET", server.url("/"), verify=str(certificate.path))
    assert caught.value.code == "tls_failed"


def ask_tls(script: Script, **options: Any) -> RpaError:
    with (
        scripted(script) as server,
        HttpClient(LOCAL, **options) as client,
        pytest.raises(RpaError) as caught,
    ):
        client.send("GET", f"https://{server.address}/", timeout=5)
    return caught.value


def test_a_server_without_tls_is_a_permanent_failure() -> None:
    error = ask_tls(lambda sock: sock.sendall(b"220 mail.test ESMTP ready\r\n"))
    assert error.code == "tls_failed"


def test_a_server_that_hangs_up_may_work_later() -> None:
    error = ask_tls(lambda sock: sock.shutdown(socket.SHUT_RDWR))
    assert error.code == "connection_failed"


def test_a_handshake_that_hangs_ends_at_the_connection_limit() -> None:
    def silent(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass

    error = ask_tls(silent, connect_timeout=timedelta(milliseconds=200))
    assert error.code == "timeout"
    assert "agree on TLS" in str(error)


def test_missing_trusted_roots_are_named(tmp_path: Path) -> None:
    with (
        HttpClient(LOCAL) as client,
        pytest.raises(PermanentFailure, match=r"gone\.pem"),
    ):
        client.send("GET", "https://127.0.0.1/", verify=str(tmp_path / "gone.pem"))
