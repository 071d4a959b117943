"""What people did to executions, for the audit trail."""

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.types import Json
from apps.executions.models import Execution


def audit_of(
    execution: Execution, action: str, by: Viewer | None, **facts: Json
) -> None:
    """Write what somebody did to an execution; schedules and the like are nobody."""
    if by is None:
        return
    audit(
        viewer=by,
        action=f"execution.{action}",
        target_type="execution",
        target_id=execution.id,
        after={"workflow_id": str(execution.workflow_id), **facts},
    )
