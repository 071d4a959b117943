import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.http.webhook import Webhook, WebhookParams
from tests.fixtures_steps import StepRunner
from tests.http_server import HttpServer

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture
def server(http_server: HttpServer) -> HttpServer:
    http_server.answers("/hook", status=202)
    return http_server


def test_tells_and_says_which_message(run_step: StepRunner, server: HttpServer) -> None:
    params = {"url": server.url("/hook"), "payload": {"a": "ü"}}
    assert run_step("webhook", params) == {"status": 202, "id": "execution-1:step"}
    (request,) = server.requests
    assert (request.method, request.json()) == ("POST", {"a": "ü"})
    assert request.headers["webhook-id"] == "execution-1:step"
    assert request.headers["Idempotency-Key"] == "execution-1:step"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-signature"] is None


def test_signs(run_step: StepRunner, server: HttpServer) -> None:
    run_step("webhook", {"url": server.url("/hook"), "payload": [1], "secret": SECRET})
    (request,) = server.requests
    head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    digest = hmac.new(KEY, head.encode() + request.body, hashlib.sha256).digest()
    signature = request.headers["webhook-signature"]
    assert signature == "v1," + base64.b64encode(digest).decode()


def test_an_event_stands_around_the_payload(
    run_step: StepRunner, server: HttpServer
) -> None:
    params = {"url": server.url("/hook"), "payload": 5, "event": "invoice.paid"}
    run_step("webhook", params, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(server.requests[0].body) == {
        "type": "invoice.paid",
        "timestamp": "2026-01-02T00:00:00Z",
        "data": 5,
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [(410, PermanentFailure), (302, PermanentFailure), (502, TemporaryFailure)],
)
def test_anything_but_success_fails(
    run_step: StepRunner, server: HttpServer, status: int, error: Any
) -> None:
    server.answers("/x", status=status, headers={"Location": "/hook"})
    with pytest.raises(error) as caught:
        run_step("webhook", {"url": server.url("/x"), "payload": 1})
    assert caught.value.code == f"http_{status}"
    assert len(server.requests) == 1


def test_own_headers_do_not_replace_those_of_the_standard(
    run_step: StepRunner, server: HttpServer
) -> None:
    headers = {"X-Mine": "1", "webhook-id": "forged"}
    params = {"url": server.url("/hook"), "payload": 1, "headers": headers}
    with pytest.raises(ValidationError):
        run_step("webhook", params)
    run_step("webhook", params | {"headers": {"X-Mine": "1"}})
    assert server.requests[0].headers["X-Mine"] == "1"


@pytest.mark.parametrize(
    "params",
    [
        {"url": "http://x.org"},
        {"secret": "plain"},
        {"secret": "whsec_"},
        {"secret": "whsec_!!!"},
        {"secret": "whsec_" + base64.b64encode(b"short").decode()},
        {"secret": "whsec_" + base64.b64encode(bytes(65)).decode()},
        {"event": ""},
        {"url": ""},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    base = {} if len(params) == 1 and "url" in params else {"payload": 1}
    with pytest.raises(ValidationError):
        run_step("webhook", {"url": "http://x.org/"} | base | params)


def test_shows_no_secret() -> None:
    params = WebhookParams.model_validate(
        {
            "url": "https://x.org/h?t=hidden",
            "payload": 1,
            "secret": SECRET,
            "event": "e",
        }
    )
    assert Webhook().summary(params) == "tell https://x.org/h of e"
    assert SECRET not in repr(params)
