"""What an execution waits for, as a part of it."""

from typing import Any

from rest_framework import serializers

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core.types import Json, JsonObject
from apps.executions import links, selectors
from apps.executions.engine import masking
from apps.executions.models import Execution, Wait


class WaitOutput(serializers.Serializer[Any]):
    """Something outside that a step waits for."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[Wait.APPROVAL, Wait.WEBHOOK])
    path = serializers.CharField()
    title = serializers.CharField(help_text="Empty but for approvals.")
    message = serializers.CharField()
    approvers = serializers.ListField(child=serializers.CharField())
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField(
        allow_null=True,
        help_text="Where another system posts to; for the role operator and higher.",
    )


def waits_shown(execution: Execution, viewer: Viewer | None) -> Json:
    """What an execution waits for, as `viewer` may see it."""
    may_run = viewer is not None and viewer.may(Role.OPERATOR)
    found = selectors.open_waits(execution)
    rows = [_shown(wait, may_run=may_run) for wait in found]
    return WaitOutput(rows, many=True).data


def _shown(wait: Wait, *, may_run: bool) -> JsonObject:
    details: JsonObject = masking.conceal(wait.details)
    url = None
    if wait.kind == Wait.WEBHOOK and may_run:
        url = links.resume_url(wait.organization_id, wait.execution_id, wait.path)
    return {
        "id": wait.id,
        "kind": wait.kind,
        "path": wait.path,
        "title": details.get("title", ""),
        "message": details["message"],
        "approvers": details.get("approvers", []),
        "requested_at": wait.created_at,
        "expires_at": wait.expires_at,
        "url": url,
    }
