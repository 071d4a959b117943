"""Encryption at rest: Fernet with rotating keys.

`FIELD_ENCRYPTION_KEYS` lists keys, newest first. The owner of a value (for
example `organization:secret`) stands inside the encrypted text and is checked,
since Fernet has no associated data: a row copied to another owner does not open.
"""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from apps.core.errors import RpaError


class UnreadableSecret(RpaError):
    """No key of ours opens the value, or it belongs to another owner."""

    code = "unreadable_secret"


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _current() -> MultiFernet:
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))


def encrypt(text: str, *, owner: str) -> str:
    """`text` encrypted with the newest key and bound to `owner`."""
    return _current().encrypt(json.dumps([owner, text]).encode()).decode()


def decrypt(token: str, *, owner: str) -> str:
    """The text that `encrypt` was given.

    Raises:
        UnreadableSecret: wrong key, damaged value, or another owner's.
    """
    try:
        bound, text = json.loads(_current().decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        raise UnreadableSecret("A stored secret cannot be read.") from error
    if bound != owner:
        raise UnreadableSecret("A stored secret belongs to another owner.")
    return str(text)


def rotate(token: str) -> str:
    """The same value under the newest key."""
    return _current().rotate(token.encode()).decode()
