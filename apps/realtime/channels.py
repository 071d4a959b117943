"""Which channel a name means, and who may listen to it."""

import re
import uuid

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import NotFound, RpaError
from apps.events.channels import EXECUTIONS, KINDS, ORGANIZATION, STATUS, USER, Channel
from apps.workflows.selectors import workflow_get

_NAME = re.compile(r"([a-z-]{1,40}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def channel_find(*, viewer: Viewer, name: str) -> Channel:
    """The channel of this name, which the viewer may listen to.

    Raises:
        NotFound: it does not exist, or is not for the viewer; both look the same.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in KINDS:
        raise _unknown()
    channel = Channel(match[1], uuid.UUID(match[2]), viewer.organization_id)
    if not is_open_to(viewer, channel) or not _exists(viewer, channel):
        raise _unknown()
    return channel


def is_open_to(viewer: Viewer, channel: Channel) -> bool:
    """Whether someone with these rights may listen, if there is such a channel.

    It asks no database: the same is asked again whenever rights may have changed.
    """
    if channel.organization_id != viewer.organization_id:
        return False
    if channel.kind == USER:
        return channel.id == viewer.user_id and viewer.may(Role.VIEWER)
    if channel.kind == ORGANIZATION and channel.id != viewer.organization_id:
        return False
    return viewer.may(Role.VIEWER)


def _exists(viewer: Viewer, channel: Channel) -> bool:
    if channel.kind not in (EXECUTIONS, STATUS):
        return True
    with tenancy.tenant(viewer.organization_id):
        try:
            workflow_get(viewer=viewer, workflow_id=channel.id)
        except NotFound:
            return False
    return True


def _unknown() -> RpaError:
    return NotFound("The channel does not exist.", code="unknown_channel")
