"""Links that are proof in themselves: whoever has one may use it, without signing in.

A token is made of the organization's id, an object's id, a number and a signature
over them. So nothing of it is stored, and it says itself in which organization to
look.
"""

import base64
import hmac
import re
import uuid
from functools import lru_cache
from urllib.parse import quote

from django.conf import settings

from apps.core.errors import NotFound

_IDS_BYTES, _NUMBER_BYTES = 32, 2
_TOKEN = re.compile(r"[A-Za-z0-9_-]{88}", re.ASCII)


def resume_url(
    organization_id: uuid.UUID, execution_id: uuid.UUID, path: str = ""
) -> str:
    """Where another system lets an execution go on; of the step at `path`, if given."""
    token = _token("resume", organization_id, execution_id, 0)
    url = f"{settings.PUBLIC_URL}/resume/{token}"
    return f"{url}/{quote(path, safe='')}" if path else url


def approval_url(organization_id: uuid.UUID, wait_id: uuid.UUID, number: int) -> str:
    """Where the recipient of that number decides without signing in."""
    token = _token("approve", organization_id, wait_id, number)
    return f"{settings.PUBLIC_URL}/approve/{token}"


def read_resume(token: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Organization and execution of a resume URL's token.

    Raises:
        NotFound: we did not make it.
    """
    organization_id, execution_id, _ = _read("resume", token)
    return organization_id, execution_id


def read_approval(token: str) -> tuple[uuid.UUID, uuid.UUID, int]:
    """Organization, wait and recipient's number of an approval link's token.

    Raises:
        NotFound: we did not make it.
    """
    return _read("approve", token)


@lru_cache(maxsize=4)
def _key(secret: str, purpose: str) -> bytes:
    # A key of its own for each purpose: no link can pass for one of another kind.
    return hmac.digest(secret.encode(), f"rpa.executions.{purpose}".encode(), "sha256")


def _token(purpose: str, first: uuid.UUID, second: uuid.UUID, number: int) -> str:
    signed = first.bytes + second.bytes + number.to_bytes(_NUMBER_BYTES, "big")
    proof = hmac.digest(_key(settings.SECRET_KEY, purpose), signed, "sha256")
    return base64.urlsafe_b64encode(signed + proof).decode()


def _read(purpose: str, token: str) -> tuple[uuid.UUID, uuid.UUID, int]:
    if not _TOKEN.fullmatch(token):
        raise _unknown()
    signed = base64.urlsafe_b64decode(token)[: _IDS_BYTES + _NUMBER_BYTES]
    first, second = uuid.UUID(bytes=signed[:16]), uuid.UUID(bytes=signed[16:32])
    number = int.from_bytes(signed[_IDS_BYTES:], "big")
    if not hmac.compare_digest(_token(purpose, first, second, number), token):
        raise _unknown()
    return first, second, number


def _unknown() -> NotFound:
    return NotFound("This link is not one of ours, or a part of it is missing.")
