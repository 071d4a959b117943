"""Workflows that are started by a step of another one."""

import hashlib
import uuid

from apps.core import tenancy
from apps.core.errors import NotFound, PermanentFailure, RpaError
from apps.core.types import JsonObject
from apps.executions.engine import interrupts
from apps.executions.engine.leases import Lease
from apps.executions.engine.persistence import persistently
from apps.executions.engine.vault import Vault
from apps.executions.models import Execution

MAX_DEPTH = 10


class ChildStarter:
    """Starts children of one execution; see `steps.context.WorkflowCaller`.

    It is not interrupted in the middle of a transaction, and waits for a database
    that does not answer for a while.
    """

    def __init__(self, lease: Lease, vault: Vault) -> None:
        self._lease = lease
        self._vault = vault

    def start(self, workflow: str, inputs: JsonObject, *, key: str, waits: bool) -> str:
        """Start a child; the same `key` gives the same execution.

        Secrets among the inputs are stored masked; the child puts them back.
        """
        if self._lease.depth >= MAX_DEPTH:
            raise PermanentFailure(
                f"Workflows call each other more than {MAX_DEPTH} deep.",
                code="calls_too_deep",
            )
        masked = self._vault.close(inputs)
        with interrupts.shielded():
            child = persistently(lambda: self._start(workflow, masked, key, waits))
        return str(child.id)

    def _start(
        self, workflow: str, inputs: JsonObject, key: str, waits: bool
    ) -> Execution:
        from apps.executions import services  # services stand on the engine
        from apps.workflows import selectors

        organization_id = self._lease.organization_id
        try:
            with tenancy.tenant(organization_id):
                return services.execution_start(
                    workflow=selectors.workflow_find(
                        organization_id=organization_id, reference=workflow
                    ),
                    inputs=inputs,
                    trigger="workflow",
                    # Paths in nested loops grow longer than a key may be.
                    idempotency_key=hashlib.sha256(key.encode()).hexdigest(),
                    parent=services.Parent(
                        self._lease.execution_id, self._lease.depth + 1, waits
                    ),
                )
        except NotFound as error:
            raise PermanentFailure(str(error), code="workflow_not_found") from error
        except RpaError as error:
            raise PermanentFailure(
                str(error), code=error.code, **error.details
            ) from error

    def result(self, execution_id: str) -> JsonObject:
        """`{id, status, outputs, variables, error}` of a child execution."""
        with interrupts.shielded():
            child = persistently(lambda: self._child(uuid.UUID(execution_id)))
        return {
            "id": str(child.id),
            "status": child.status,
            "outputs": self._vault.open(child.outputs),
            "variables": self._vault.open(child.variables),
            "error": child.error,
        }

    def _child(self, execution_id: uuid.UUID) -> Execution:
        with tenancy.tenant(self._lease.organization_id):
            return Execution.objects.get(
                id=execution_id, parent_id=self._lease.execution_id
            )
