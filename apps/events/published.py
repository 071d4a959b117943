"""An event with its number, and how clients see it."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from apps.core.types import JsonObject
from apps.events.channels import EXECUTIONS, ORGANIZATION, STATUS, USER, Channel

_NAMES = ("seq", "id", "type", "organization_id", "workflow_id", "execution_id")
COLUMNS = ", ".join(
    f"e.{name}" for name in (*_NAMES, "user_id", "payload::text", "created_at")
)
"""What `published` reads, of `events_event AS e`."""


@dataclass(frozen=True, slots=True)
class Published:
    """One event with its number."""

    seq: int
    id: uuid.UUID
    type: str
    organization_id: uuid.UUID
    workflow_id: uuid.UUID | None
    execution_id: uuid.UUID | None
    user_id: uuid.UUID | None
    payload: JsonObject
    created_at: datetime

    @property
    def channels(self) -> list[Channel]:
        """The channels it belongs to."""
        organization = self.organization_id
        found = [Channel(ORGANIZATION, organization, organization)]
        if self.workflow_id is not None:
            found.append(Channel(STATUS, self.workflow_id, organization))
            if self.execution_id is not None:
                found.append(Channel(EXECUTIONS, self.workflow_id, organization))
        if self.user_id is not None:
            found.append(Channel(USER, self.user_id, organization))
        return found


class Linked(NamedTuple):
    """An event at its place in one channel.

    Attributes:
        prev: the number of the event before it on this channel; 0: none is known.
        workflow: the id of its workflow; empty for none.
        body: the event as JSON text, without what depends on the channel.
    """

    id: int
    prev: int
    workflow: str
    body: str


def published(row: tuple[object, ...]) -> Published:
    """The event in a row of `COLUMNS`."""
    values = list(row)
    values[7] = json.loads(str(values[7]))
    return Published(*values)  # type: ignore[arg-type]  # columns in field order


def envelope(event: Published) -> JsonObject:
    """The event as clients see it on every channel."""
    return {
        **event.payload,
        "type": event.type,
        "id": event.seq,
        "executionId": str(event.execution_id) if event.execution_id else None,
        "workflowId": str(event.workflow_id) if event.workflow_id else None,
        "timestamp": event.created_at.isoformat(),
    }


def linked(event: Published, prev: int) -> Linked:
    """The event at its place after `prev`."""
    workflow = str(event.workflow_id) if event.workflow_id else ""
    return Linked(event.seq, prev, workflow, compact(envelope(event)))


def compact(value: JsonObject) -> str:
    """JSON text without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
