import base64
import time
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.base import Effect
from apps.steps.http.http_request import HttpRequest, HttpRequestParams
from tests import http_server as servers
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.http_server import Answer, HttpServer

KEY = "execution-1:step"


@pytest.fixture
def server(http_server: HttpServer) -> HttpServer:
    http_server.answers("/", json={"ok": True})
    return http_server


def sent(run_step: StepRunner, server: HttpServer, **params: Any) -> servers.Request:
    run_step("http_request", {"url": server.url("/")} | params)
    return server.requests[-1]


def test_hands_on_the_answer(run_step: StepRunner, server: HttpServer) -> None:
    output = run_step("http_request", {"url": server.url("/")})
    assert output["elapsed_ms"] >= 0
    assert output["headers"]["content-type"] == "application/json"
    assert output | {"headers": {}, "elapsed_ms": 0} == {
        "status": 200,
        "headers": {},
        "json": {"ok": True},
        "text": '{"ok": true}',
        "url": server.url("/"),
        "elapsed_ms": 0,
    }


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"plain", None),
        (b"5", 5),
        (b"null", None),
        (b"[NaN]", None),
        (b"[" * 100_000, None),
        (b"1" * 5_000, None),
        (b"1e400", None),
        (b'"\\ud800"', None),
        ("\ufeff[1]".encode(), [1]),
    ],
)
def test_json_is_null_where_there_is_none(
    run_step: StepRunner, server: HttpServer, body: bytes, value: Any
) -> None:
    server.answers("/x", body=body)
    output = run_step("http_request", {"url": server.url("/x")})
    assert output["json"] == value
    assert len(output["text"]) <= 1_000_000


def test_bounds_the_text(
    run_step: StepRunner, step_ctx: ContextMaker, server: HttpServer
) -> None:
    server.answers("/x", body=b"a\0" * 600_000)
    ctx = step_ctx()
    output = run_step("http_request", {"url": server.url("/x")}, ctx)
    assert (len(output["text"]), output["text"][:2]) == (1_000_000, "a\ufffd")
    assert len(ctx.warnings) == 1


@pytest.mark.parametrize(
    ("params", "body", "kind"),
    [
        ({"json": {"a": "ü"}}, b'{"a": "\\u00fc"}', "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"body": "häh"}, "häh".encode(), None),
        (
            {"form": {"a": "1 2", "b": [1, True, None]}},
            b"a=1+2&b=1&b=true",
            "application/x-www-form-urlencoded",
        ),
        ({}, b"", None),
    ],
)
def test_sends_bodies(
    run_step: StepRunner, server: HttpServer, params: Any, body: bytes, kind: str | None
) -> None:
    request = sent(run_step, server, method="post", **params)
    assert (request.method, request.body) == ("POST", body)
    assert request.headers["Content-Type"] == kind


def test_sends_query_and_headers(run_step: StepRunner, server: HttpServer) -> None:
    request = sent(
        run_step,
        server,
        query={"q": "a&b", "n": [1, 2], "yes": True, "no": None},
        headers={"X-One": "1"},
    )
    assert request.query == {"q": ["a&b"], "n": ["1", "2"], "yes": ["true"]}
    assert request.headers["X-One"] == "1"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (
            {"user": "bob", "password": "pässword"},
            "Basic " + base64.b64encode("bob:pässword".encode()).decode(),
        ),
        ({"bearer": "token-1"}, "Bearer token-1"),
    ],
)
def test_says_who_asks(
    run_step: StepRunner, server: HttpServer, auth: Any, header: str
) -> None:
    assert sent(run_step, server, auth=auth).headers["Authorization"] == header


def test_secrets_stay_out_of_sight() -> None:
    params = HttpRequestParams.model_validate(
        {
            "method": "POST",
            "url": "https://x.org/a?key=hidden1",
            "auth": {"user": "bob", "password": "hidden2"},
        }
    )
    assert HttpRequest().summary(params) == "POST https://x.org/a"
    assert "hidden2" not in repr(params)


@pytest.mark.parametrize(
    ("method", "params", "effect", "is_keyed", "key"),
    [
        ("GET", {}, Effect.READ, True, None),
        ("HEAD", {}, Effect.READ, True, None),
        ("OPTIONS", {}, Effect.READ, True, None),
        ("POST", {}, Effect.WRITE, True, KEY),
        ("DELETE", {}, Effect.WRITE, True, KEY),
        ("PATCH", {"idempotency_key": False}, Effect.WRITE, False, None),
        ("PUT", {"headers": {"idempotency-key": "own"}}, Effect.WRITE, True, "own"),
    ],
)
def test_writes_carry_a_key(
    run_step: StepRunner,
    server: HttpServer,
    method: str,
    params: Any,
    effect: Effect,
    is_keyed: bool,
    key: str | None,
) -> None:
    assert (
        sent(run_step, server, method=method, **params).headers["Idempotency-Key"]
        == key
    )
    checked = HttpRequestParams.model_validate(
        {"method": method, "url": "http://x"} | params
    )
    assert HttpRequest().effect_of(checked) == effect
    assert HttpRequest().is_keyed(checked) is is_keyed


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentFailure),
        (404, PermanentFailure),
        (408, TemporaryFailure),
        (425, TemporaryFailure),
        (429, TemporaryFailure),
        (500, TemporaryFailure),
        (503, TemporaryFailure),
        (999, PermanentFailure),
    ],
)
def test_sorts_error_answers(
    run_step: StepRunner, server: HttpServer, status: int, error: type[RpaError]
) -> None:
    server.answers("/x", status=status, body="why " * 1000)
    with pytest.raises(error) as caught:
        run_step("http_request", {"url": server.url("/x")})
    assert type(caught.value) is error
    assert caught.value.code == f"http_{status}"
    assert caught.value.details["body"] == ("why " * 1000)[:500]


@pytest.mark.parametrize(("given", "wait"), [("7", 7.0), ("1" * 12, 86_400.0)])
def test_hands_on_how_long_to_wait(
    run_step: StepRunner, server: HttpServer, given: str, wait: float
) -> None:
    server.answers("/x", status=429, headers={"Retry-After": given})
    with pytest.raises(TemporaryFailure) as caught:
        run_step("http_request", {"url": server.url("/x")})
    assert caught.value.details["retry_after"] == wait


@pytest.mark.parametrize(
    ("expect", "status", "is_fine"),
    [
        ([404], 404, True),
        (404, 404, True),
        ("4xx", 418, True),
        (["2xx", "400-404"], 403, True),
        ([204], 200, False),
        ("3xx", 200, False),
    ],
)
def test_the_expected_is_fine(
    run_step: StepRunner, server: HttpServer, expect: Any, status: int, is_fine: bool
) -> None:
    server.answers("/x", status=status)
    params = {"url": server.url("/x"), "expect": expect}
    if is_fine:
        assert run_step("http_request", params)["status"] == status
        return
    with pytest.raises(PermanentFailure) as caught:
        run_step("http_request", params)
    assert caught.value.code == f"http_{status}"


def test_follows_redirects_unless_told_not_to(
    run_step: StepRunner, server: HttpServer
) -> None:
    server.answers("/x", status=302, headers={"Location": "/"})
    output = run_step("http_request", {"url": server.url("/x")})
    assert output["url"] == server.url("/")
    stays = {"url": server.url("/x"), "follow_redirects": False, "expect": "3xx"}
    assert run_step("http_request", stays)["status"] == 302


def test_keys_stay_behind_on_the_way_to_another_host(
    run_step: StepRunner, server: HttpServer
) -> None:
    with servers.running() as other:
        other.answers("/", json=1)
        server.answers("/x", status=307, headers={"Location": other.url("/")})
        headers = {"X-Api-Key": "secret", "Accept": "text/plain"}
        auth = {"bearer": "secret"}
        params = {"url": server.url("/x"), "headers": headers, "auth": auth}
        run_step("http_request", params)
        arrived = other.requests[0].headers
    assert server.requests[0].headers["X-Api-Key"] == "secret"
    assert arrived["X-Api-Key"] is None
    assert arrived["Authorization"] is None
    assert arrived["Accept"] == "text/plain"


@pytest.mark.parametrize("timeout", [None, 0.2])
def test_ends_in_time(
    run_step: StepRunner, step_ctx: ContextMaker, server: HttpServer, timeout: Any
) -> None:
    def late(_: servers.Request) -> Answer:
        return Answer(200, b"x", [("Content-Length", "10")])

    server.answers_with("/x", late)
    params = {"url": server.url("/x")} | ({"timeout": timeout} if timeout else {})
    deadline = None if timeout else time.monotonic() + 0.2
    with pytest.raises(TemporaryFailure) as caught:
        run_step("http_request", params, step_ctx(deadline=deadline))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1:1/",
        "http://0/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://[fec0::1]/",
        "http://168.63.129.16/",
        "http://a@127.0.0.1/",
        "http://127.0.0.1\\@x/",
        "http://x\r\n/",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "data:text/plain,x",
        "unix:///tmp/x",
        "file:///etc/passwd",
        "javascript:1",
        "nothing",
    ],
)
def test_goes_to_allowed_places_only(run_step: StepRunner, url: str) -> None:
    with pytest.raises(RpaError) as caught:
        run_step("http_request", {"url": url, "timeout": 2})
    assert caught.value.code != "timeout"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A\r\nX-B", "1"),
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "\0"),
        ("X A", "1"),
        ("Host", "evil"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "x"),
    ],
)
def test_refuses_headers_that_frame_the_message(
    run_step: StepRunner, server: HttpServer, name: str, value: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_step("http_request", {"url": server.url("/"), "headers": {name: value}})
    assert caught.value.code == "invalid_header"
    assert server.requests == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"method": "TRACE"},
        {"method": 5},
        {"url": ""},
        {"url": "x" * 9000},
        {"headers": {"X": "x" * 1_000_000}},
        {"headers": {"X": 5}},
        {"query": {"a": {"b": 1}}},
        {"json": 1, "body": "1"},
        {"body": "1", "form": {}},
        {"auth": {}},
        {"auth": {"user": "bob"}},
        {"auth": {"user": "bob", "password": "p", "bearer": "t"}},
        {"auth": {"bearer": "t"}, "headers": {"AUTHORIZATION": "x"}},
        {"expect": []},
        {"expect": ["2XX-3xx"]},
        {"expect": [True]},
        {"expect": [0]},
        {"expect": [1000]},
        {"expect": "xxx"},
        {"timeout": -1},
        {"headders": {}},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    url = {} if params == {} else {"url": "http://x.org/"}
    with pytest.raises(ValidationError):
        run_step("http_request", url | params)
