"""Names of workflows, which events do not carry."""

import time
import uuid
from collections.abc import Iterable

from apps.core import tenancy
from apps.events.channels import Channel
from apps.events.published import Linked
from apps.realtime.threads import in_thread
from apps.workflows.selectors import workflow_names

# A name that was changed meanwhile is wrong for so long, where nobody told us.
_KEPT_S = 30.0
_MOST = 20_000
_CHANGE = '"type":"workflow-changed"'


class Names:
    """The names of the workflows that events are about, read once in a while."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self._until = 0.0

    async def learn(self, channel: Channel, events: Iterable[Linked]) -> None:
        """Know the names for these events."""
        if time.monotonic() > self._until or len(self.known) > _MOST:
            self.known.clear()
            self._until = time.monotonic() + _KEPT_S
        for event in events:
            if _CHANGE in event.body:
                self.known.pop(event.workflow, None)
        wanted = {event.workflow for event in events} - self.known.keys() - {""}
        if wanted:
            await self._read(channel.organization_id, wanted)

    async def name_of(self, channel: Channel, workflow: str) -> str | None:
        """The name of one workflow."""
        if workflow not in self.known:
            await self._read(channel.organization_id, {workflow})
        return self.known.get(workflow)

    async def _read(self, organization_id: uuid.UUID, wanted: set[str]) -> None:
        found = await in_thread(_names, organization_id, wanted)
        self.known.update(found)


def _names(organization_id: uuid.UUID, wanted: set[str]) -> dict[str, str]:
    with tenancy.tenant(organization_id):
        return workflow_names(organization_id=organization_id, ids=wanted)
