"""Signatures of messages, as Standard Webhooks 1.0 says.

Written here: it is one HMAC, and the library brings an HTTP client of its own.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(
    keys: Sequence[str], *, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers of a message; `webhook-signature` has one signature a secret.

    Args:
        timestamp: of this attempt, in seconds since 1970.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(key, signed) for key in keys),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
