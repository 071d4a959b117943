"""Sends what is due: one request for each attempt, no transaction open meanwhile."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from apps.core import tenancy
from apps.core.crypto import UnreadableSecret, decrypt
from apps.core.egress import EgressRefused, Policy
from apps.core.errors import RpaError
from apps.core.http import HttpClient
from apps.core.http.outcome import retry_after
from apps.webhooks import leases, signing
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.outcomes import Outcome, record
from apps.webhooks.selectors import valid_secrets

ANSWER_BYTES = 1024
GONE = 410
# Then another webhook has its turn.
SERVE_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str
    retry_after_s: float | None


def serve() -> bool:
    """Serve one webhook that has something due; False when none has."""
    hook = leases.claim()
    if hook is None:
        return False
    until = time.monotonic() + SERVE_FOR_S
    with HttpClient(
        Policy.parse(settings.EGRESS_ALLOW), timeout=settings.WEBHOOK_TIMEOUT
    ) as client:
        while found := leases.next_delivery(hook):
            record(*found, send(client, *found))
            if time.monotonic() > until:
                break
    leases.release(hook)
    return True


def send(client: HttpClient, hook: Webhook, delivery: Delivery) -> Outcome:
    """Send a delivery once; whatever goes wrong stands in what it gives."""
    started = time.monotonic()
    try:
        answer, error, is_final = _post(client, hook, delivery), "", False
    except RpaError as failure:
        answer, error = None, f"{failure.code}: {failure}"
        # Neither gets better by itself; who has mended it may replay.
        is_final = isinstance(failure, EgressRefused | UnreadableSecret)
    duration_ms = round((time.monotonic() - started) * 1000)
    if answer is None:
        return Outcome(duration_ms=duration_ms, error=error, is_final=is_final)
    return Outcome(
        duration_ms=duration_ms,
        status_code=answer.status,
        answer=answer.text,
        is_success=200 <= answer.status < 300,
        is_gone=answer.status == GONE,
        retry_after_s=answer.retry_after_s,
    )


def _post(client: HttpClient, hook: Webhook, delivery: Delivery) -> _Answer:
    with tenancy.tenant(hook.organization_id):
        keys = valid_secrets(hook)
    url = decrypt(hook.encrypted_url, owner=hook.owner)
    body = delivery.body.encode()
    signed = signing.headers(
        keys, message_id=delivery.message_id, timestamp=int(time.time()), body=body
    )
    headers = {"Content-Type": "application/json", **signed}
    with client.stream(
        "POST", url, headers=headers, data=body, allow_redirects=False
    ) as answer:
        wait_s = retry_after(answer.headers)
        try:
            text = _beginning(answer)
        except RpaError as failure:
            # The status says what became of the message, the body is for people.
            text = f"({failure})"
        return _Answer(answer.status, text, wait_s)


def _beginning(pieces: Iterable[bytes]) -> str:
    found = b""
    for piece in pieces:
        found += piece
        if len(found) >= ANSWER_BYTES:
            break
    # PostgreSQL takes no NUL.
    return found[:ANSWER_BYTES].decode(errors="replace").replace("\0", "\ufffd")
