"""Step type `webhook`: tell another system, signed."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.http.outgoing import (
    Headers,
    Url,
    bounded_timeout,
    excerpt_of,
    is_success,
    require,
    secret_headers,
    shown,
)
from apps.steps.registry import register

_TIMEOUT = timedelta(seconds=30)
_PREFIX = "whsec_"


def _key(secret: SecretStr) -> bytes:
    """The bytes that sign."""
    text = secret.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"must be `{_PREFIX}` and 24 to 64 bytes in base64")
    return key


_OURS = frozenset(
    {
        "content-type",
        "idempotency-key",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


def _not_ours(headers: Headers) -> Headers:
    taken = sorted(name for name in headers if name.lower() in _OURS)
    if taken:
        raise ValueError(f"{taken[0]} is set by the step itself")
    return headers


def _checked(secret: SecretStr) -> SecretStr:
    _key(secret)
    return secret


class WebhookParams(Params):
    """Whom to tell what."""

    url: Url = Field(description="Address, http or https.")
    payload: Json = Field(description="What is told; sent as JSON.")
    event: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = (
        Field(
            default=None,
            description="Sent as `type`, with `timestamp`, and the payload in `data`.",
        )
    )
    secret: Annotated[SecretStr, AfterValidator(_checked)] | None = Field(
        default=None, description="Signs the message; begins with `whsec_`."
    )
    headers: Annotated[Headers, AfterValidator(_not_ours)] = Field(
        default_factory=dict, max_length=50
    )


@register("webhook")
class Webhook(StepType[WebhookParams]):
    """POST a message to another system, as the Standard Webhooks say.

    The headers `webhook-id` and `Idempotency-Key` are the same on each attempt. With
    a secret, `webhook-signature` holds the HMAC-SHA256 of id, time and body.
    Redirects are not followed. The output is `{status, id}`.

    Example:
        - type: webhook
          params:
            url: https://hooks.example.com/rpa
            event: invoice.paid
            payload: {number: 17}
            secret: "{{ secrets.hook_secret }}"
    """

    params_class = WebhookParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: WebhookParams) -> str:
        event = f" of {params.event}" if params.event else ""
        return f"tell {shown(params.url)}{event}"

    def run(self, params: WebhookParams, ctx: StepContext) -> Json:
        message_id = ctx.idempotency_key
        body = _body(params, ctx.now)
        response = ctx.http.send(
            "POST",
            params.url,
            headers={
                **params.headers,
                "Content-Type": "application/json",
                "Idempotency-Key": message_id,
                **_signed(message_id, body, params.secret),
            },
            data=body,
            timeout=bounded_timeout(ctx, _TIMEOUT),
            allow_redirects=False,
            secret_headers=secret_headers(params.headers),
        )
        require(response, is_success, excerpt_of(response))
        return {"status": response.status, "id": message_id}


def _body(params: WebhookParams, now: datetime | None) -> bytes:
    message = params.payload
    if params.event is not None:
        moment = (now or datetime.now(UTC)).isoformat().replace("+00:00", "Z")
        message = {"type": params.event, "timestamp": moment, "data": message}
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _signed(message_id: str, body: bytes, secret: SecretStr | None) -> dict[str, str]:
    """The headers of the standard; their time is this attempt's."""
    timestamp = str(int(time.time()))
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp}
    if secret is not None:
        content = b".".join((message_id.encode(), timestamp.encode(), body))
        digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
