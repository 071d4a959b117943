"""Calls of other systems that let a parked execution go on."""

import uuid

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.core import tenancy
from apps.core.errors import Conflict, NotFound
from apps.core.types import JsonObject
from apps.executions import links
from apps.executions.engine import leases
from apps.executions.models import Execution, Wait
from apps.executions.reuse import Outline
from apps.workflows import selectors as workflows

STEP_TYPE = "wait_for_webhook"
LONGEST_PATH = 1_000
# Calls that are kept for steps which may come to wait.
MOST_EARLY = 100


def wait_resume(*, token: str, path: str = "", answer: JsonObject) -> uuid.UUID:
    """Hand a call to the step that waits for it; gives the execution's id.

    A call that comes before its step began to wait is kept for it. Each URL works
    once: the execution's own for one step, those that name a step for that step.

    Args:
        path: of the step; empty for the one that waits now, or is the next to.
        answer: `{body, headers, query}`.

    Raises:
        NotFound: forged, the execution is gone, or no step of that name waits.
        Conflict: used already, its time has passed, or the execution has ended.
    """
    organization_id, execution_id = links.read_resume(token)
    if len(path) > LONGEST_PATH:
        raise _no_such_step()
    with tenancy.tenant(organization_id):
        execution = _held(execution_id)
        open_ = _open(execution, path).first()
        if open_ is None:
            _require_expected(execution, path)
        if open_ is None or not path:
            _use(execution, path, answer, is_taken=open_ is not None)
        if open_ is not None:
            Wait.objects.filter(id=open_.id).update(answered_at=Now(), answer=answer)
            leases.wake(execution.id)
    return execution_id


def _held(execution_id: uuid.UUID) -> Execution:
    """The execution, locked: no step can begin to wait meanwhile."""
    rows = Execution.objects.select_for_update(no_key=True).filter(id=execution_id)
    found = rows.defer("inputs", "variables", "outputs").first()
    if found is None:
        raise NotFound("The execution does not exist any more.")
    if found.is_final or found.cancel_requested_at is not None:
        raise Conflict(
            "The execution has ended; nothing waits any more.", code="execution_ended"
        )
    return found


def _waits(execution: Execution) -> QuerySet[Wait]:
    return Wait.objects.filter(execution_id=execution.id, kind=Wait.WEBHOOK)


def _open(execution: Execution, path: str) -> QuerySet[Wait]:
    rows = _waits(execution).filter(answered_at=None, closed_at=None)
    rows = rows.filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
    # The last to begin: before it there may be one whose branch was given up.
    return (rows.filter(path=path) if path else rows).order_by("-id")


def _require_expected(execution: Execution, path: str) -> None:
    """Go on only when the step at `path`, or any without one, may come to wait."""
    known = _waits(execution).filter(path=path).order_by("-attempt").first()
    if known is not None:
        raise _used() if known.answered_at is not None else _expired()
    outline = Outline(workflows.definition_of(execution.version_id))
    if path:
        place = outline.place(path)
        types = {place.node.type} if place else set()
    else:
        types = outline.types
    if STEP_TYPE not in types:
        raise _no_such_step()


def _use(
    execution: Execution, path: str, answer: JsonObject, *, is_taken: bool
) -> None:
    """Keep that this URL was used, with the call for the step that comes to wait."""
    used = Wait(
        organization_id=execution.organization_id,
        execution_id=execution.id,
        kind=Wait.WEBHOOK,
        path=path,
        attempt=Wait.EARLY,
        answer=answer,
        answered_at=Now(),
        closed_at=Now() if is_taken else None,
    )
    if _waits(execution).filter(path=path, attempt=Wait.EARLY).exists():
        raise _used()
    early = _waits(execution).filter(attempt=Wait.EARLY, closed_at=None)
    if not is_taken and early.count() >= MOST_EARLY:
        message = f"{MOST_EARLY} calls are kept already for steps that do not wait yet."
        raise Conflict(message, code="too_many_early")
    used.save(force_insert=True)


def _no_such_step() -> NotFound:
    return NotFound("No such step waits for a call.")


def _used() -> Conflict:
    return Conflict("This URL was used already.", code="already_used")


def _expired() -> Conflict:
    return Conflict("The time to call this URL has passed.", code="wait_expired")
