"""The channels that events belong to, by their public names."""

import uuid
from typing import NamedTuple

EXECUTIONS = "workflow-execution"
"""What the executions of one workflow do; the id is the workflow's."""
STATUS = "workflow-status"
"""All that happens to one workflow."""
USER = "user-notifications"
"""What one user is told, in one organization."""
ORGANIZATION = "organization-activity"
"""All that happens in one organization."""
KINDS = frozenset({EXECUTIONS, STATUS, USER, ORGANIZATION})


class Channel(NamedTuple):
    """One channel, as one organization has it.

    A user is a member of many organizations and is told of each by itself, so a
    channel is not known by its public name alone.
    """

    kind: str
    id: uuid.UUID
    organization_id: uuid.UUID

    @property
    def name(self) -> str:
        """As clients write it."""
        return f"{self.kind}:{self.id}"

    @property
    def group(self) -> str:
        """The channel layer's group: below 100 characters, and without a colon.

        The organization is in each: what one organization writes reaches no group of
        another, whoever was let in.
        """
        return f"{self.kind}.{self.id.hex}.{self.organization_id.hex}"
