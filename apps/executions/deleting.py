"""Deleting ended executions that people point at, before their time is over."""

import uuid
from collections.abc import Sequence
from functools import partial

from django.db import transaction

from apps.accounts.roles import Role
from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.executions.models import Execution
from apps.executions.retention import batches
from apps.executions.retention.files import remove_files
from apps.executions.retention.rules import Rule

MOST_AT_ONCE = 200


@transaction.atomic
def executions_delete(*, ids: Sequence[uuid.UUID], by: Viewer) -> int:
    """Delete these executions with all that is theirs; gives how many.

    Left out are open ones, and those that an open one still needs. Their files go
    after the commit.

    Raises:
        Forbidden: it needs the role editor.
    """
    by.require(Role.EDITOR)
    rows = Execution.objects.filter(id__in=ids[:MOST_AT_ONCE])
    found = dict(rows.order_by("id").values_list("id", "workflow_id"))
    _delete(by.organization_id, sorted(found))
    left = set(
        Execution.objects.filter(id__in=list(found)).values_list("id", flat=True)
    )
    gone = {key: value for key, value in found.items() if key not in left}
    for execution_id, workflow_id in gone.items():
        audit(
            viewer=by,
            action="execution.delete",
            target_type="execution",
            target_id=execution_id,
            before={"workflow_id": str(workflow_id)},
        )
    return len(gone)


def _delete(organization_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
    """As retention does: in batches that are not too much for one statement."""
    rule = Rule(organization_id, uuid.UUID(int=0), None, None)
    while ids:
        gone = batches.delete(rule, ids)
        clear = partial(remove_files, organization_id, gone.with_files, gone.files)
        transaction.on_commit(clear, robust=True)
        ids = [one for one in ids if gone.until and one > gone.until]
