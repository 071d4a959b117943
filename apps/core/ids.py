"""Identifiers: UUID version 7 (RFC 9562), so that keys sort by time of birth."""

import uuid
from datetime import UTC, datetime

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """A new identifier that sorts after all made before it in this process."""
    return compat.uuid7()


def uuid7_floor(moment: datetime) -> uuid.UUID:
    """The smallest identifier that can have been made at that time or later."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(int=milliseconds << 80)


def uuid7_time(identifier: uuid.UUID) -> datetime:
    """When an identifier was made, by the clock of the process that made it."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)
