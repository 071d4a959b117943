"""The audit trail: who changed what, before and after."""

import uuid

from apps.accounts.models import AuditEntry
from apps.accounts.viewer import Viewer
from apps.core.types import JsonObject


def audit(
    *,
    viewer: Viewer,
    action: str,
    target_type: str,
    target_id: uuid.UUID | str,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> AuditEntry:
    """Write one entry into the running transaction.

    Args:
        action: `<target>.<verb>`, for example `workflow.update`.
        before: what changed, as it was; JSON values without secrets.
        after: what changed, as it is now.
    """
    return AuditEntry.objects.create(
        organization_id=viewer.organization_id,
        user_id=viewer.user_id,
        api_key_id=viewer.api_key_id,
        action=action,
        target_type=target_type,
        target_id=str(target_id),
        before=before,
        after=after,
        address=viewer.address,
    )
