"""Identifiers: UUID version 7 (RFC 9562), so that keys sort by time of birth."""

import uuid

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """A new identifier that sorts after all made before it in this process."""
    return compat.uuid7()
