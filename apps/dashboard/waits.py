"""What an execution waits for, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.types import JsonObject
from apps.executions import links, selectors
from apps.executions.approvers import is_approver
from apps.executions.engine import masking
from apps.executions.models import Execution, Wait


@dataclass(frozen=True)
class ShownWait:
    """One thing that it waits for.

    Attributes:
        approvers: in words; empty when it waits for a call.
        can_decide: whether the viewer is asked, too.
        url: where another system posts to; empty for viewers who may not run.
    """

    id: UUID
    title: str
    message: str
    approvers: str
    expires_at: datetime | None
    can_decide: bool
    url: str


def waits_shown(execution: Execution, viewer: Viewer) -> list[ShownWait]:
    """What it waits for, oldest first."""
    return [_shown(wait, viewer) for wait in selectors.open_waits(execution)]


def approvers_of(details: JsonObject) -> str:
    """Who may decide, in words."""
    return ", ".join(details["approvers"]) or "members who may run workflows"


def _shown(wait: Wait, viewer: Viewer) -> ShownWait:
    details: JsonObject = masking.conceal(wait.details)
    is_approval, url = wait.kind == Wait.APPROVAL, ""
    if not is_approval and viewer.may(Role.OPERATOR):
        url = links.resume_url(wait.organization_id, wait.execution_id, wait.path)
    return ShownWait(
        id=wait.id,
        title=details.get("title", ""),
        message=details["message"],
        approvers=approvers_of(details) if is_approval else "",
        expires_at=wait.expires_at,
        can_decide=is_approval and is_approver(wait.details, viewer),
        url=url,
    )
