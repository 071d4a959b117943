"""From a call of a workflow's own URL to an accepted execution."""

import hashlib
import re
import uuid
from dataclasses import dataclass

from apps.core import tenancy
from apps.core.errors import NotFound
from apps.core.trips import Statement, one_trip
from apps.executions.idempotency import check_key
from apps.executions.inbound.calls import Call, inputs_of
from apps.executions.models import Execution
from apps.executions.services import execution_start
from apps.workflows import selectors as workflows
from apps.workflows.definition.model import Definition
from apps.workflows.models import Workflow

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

_FIND = """
    SELECT w.id, w.organization_id, w.current_version_id, w.archived_at
    FROM executions_hook h JOIN workflows_workflow w
        ON w.organization_id = h.organization_id AND w.id = h.workflow_id
    WHERE h.token_hash = %(token_hash)s AND h.is_enabled
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An execution that a call has started, or that an earlier one had.

    Attributes:
        may_have_ended: it may have ended before anybody waited for it.
    """

    execution_id: uuid.UUID
    may_have_ended: bool


def token_hash(token: str) -> str:
    """How the token of a hook is looked up: SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def accept(token: str, call: Call, *, key: str | None, is_awaited: bool) -> Accepted:
    """Start the workflow whose token it is.

    Args:
        key: the caller's idempotency key.

    Raises:
        NotFound: no hook that is switched on has the token.
        Invalid: the inputs do not fit, or the key is unusable.
        Conflict: the workflow is archived.
        KeyReused: the key came with another body before.
    """
    workflow = _workflow(token)
    execution = execution_start(
        workflow=workflow,
        inputs=inputs_of(_definition(workflow), call),
        trigger="webhook",
        idempotency_key=None if key is None else check_key(key, at="Idempotency-Key"),
        fingerprinted={"body": call.body},
        is_awaited=is_awaited,
    )
    if is_awaited and key is not None:
        _await(execution)
    is_new = key is None and not execution.is_final
    return Accepted(execution.id, may_have_ended=not is_new)


def _workflow(token: str) -> Workflow:
    if _TOKEN.fullmatch(token):
        statement = Statement(_FIND, {"token_hash": token_hash(token)}, "find_hook")
        (rows,) = one_trip(statement, organization_id=None)
        for row in rows:
            names = ("id", "organization_id", "current_version_id", "archived_at")
            return Workflow(**dict(zip(names, row, strict=True)))
    raise NotFound("There is no such hook.")


def _definition(workflow: Workflow) -> Definition:
    version_id = workflow.current_version_id
    known = workflows.definition_in_memory(version_id)
    if known is not None:
        return known
    with tenancy.tenant(workflow.organization_id):
        return workflows.definition_of(version_id)


def _await(execution: Execution) -> None:
    """Let the end be told of an execution that nobody may have waited for before."""
    with tenancy.tenant(execution.organization_id):
        open_ = Execution.objects.filter(id=execution.id, status__in=Execution.OPEN)
        open_.filter(is_awaited=False).update(is_awaited=True)
