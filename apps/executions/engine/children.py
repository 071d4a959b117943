"""Workflows that are started by a step of another one."""

import hashlib
import uuid

from apps.core import tenancy
from apps.core.errors import NotFound, PermanentFailure, RpaError
from apps.core.types import JsonObject
from apps.executions.engine.leases import Lease
from apps.executions.models import Execution

MAX_DEPTH = 10


class ChildStarter:
    """Starts children of one execution; see `steps.context.WorkflowCaller`."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def start(self, workflow: str, inputs: JsonObject, *, key: str) -> str:
        """Start a child; the same `key` gives the same execution."""
        from apps.executions import services  # services stand on the engine
        from apps.workflows import selectors

        if self._lease.depth >= MAX_DEPTH:
            raise PermanentFailure(
                f"Workflows call each other more than {MAX_DEPTH} deep.",
                code="calls_too_deep",
            )
        with tenancy.tenant(self._lease.organization_id):
            try:
                child = services.execution_start(
                    workflow=selectors.workflow_find(
                        organization_id=self._lease.organization_id, reference=workflow
                    ),
                    inputs=inputs,
                    trigger="workflow",
                    # Paths in nested loops grow longer than a key may be.
                    idempotency_key=f"child:{hashlib.sha256(key.encode()).hexdigest()}",
                    parent_id=self._lease.execution_id,
                    depth=self._lease.depth + 1,
                )
            except NotFound as error:
                raise PermanentFailure(str(error), code="workflow_not_found") from error
            except RpaError as error:
                raise PermanentFailure(
                    str(error), code=error.code, **error.details
                ) from error
        return str(child.id)

    def result(self, execution_id: str) -> JsonObject:
        """`{id, status, outputs, variables, error}` of a child execution."""
        with tenancy.tenant(self._lease.organization_id):
            child = Execution.objects.get(
                id=uuid.UUID(execution_id), parent_id=self._lease.execution_id
            )
        return {
            "id": str(child.id),
            "status": child.status,
            "outputs": child.outputs,
            "variables": child.variables,
            "error": child.error,
        }
