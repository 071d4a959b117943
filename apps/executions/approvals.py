"""Decisions that parked executions wait for: reading them and giving them."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import (
    Case,
    CharField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now

from apps.accounts.models import ApiKey, Organization, User
from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Conflict, NotFound
from apps.executions import links
from apps.executions.approvers import require_approver, viewer_by_address
from apps.executions.engine import leases
from apps.executions.models import Execution, Wait

PENDING, TIMEOUT, CLOSED = "pending", "timeout", "closed"
STATUSES = (PENDING, "approved", "denied", TIMEOUT, CLOSED)
MAX_REASON = 2_000

_STATE = Case(
    When(answer__isnull=False, then=KeyTextTransform("decision", "answer")),
    When(closed_at__isnull=False, then=Value(CLOSED)),
    When(~Q(execution_status__in=Execution.OPEN), then=Value(CLOSED)),
    When(expires_at__lte=Now(), then=Value(TIMEOUT)),
    default=Value(PENDING),
    output_field=CharField(),
)


def approval_list(
    *,
    status: str | None = None,
    execution_id: uuid.UUID | None = None,
) -> QuerySet[Wait]:
    """Approvals of the current organization, with what they are about.

    Each has `state` (one of `STATUSES`), `execution_status`, `workflow_id` and
    `workflow_name` beside its columns.
    """
    about = Execution.objects.filter(id=OuterRef("execution_id"))
    rows = Wait.objects.filter(kind=Wait.APPROVAL)
    if execution_id is not None:
        rows = rows.filter(execution_id=execution_id)
    if status == PENDING:
        rows = rows.filter(answered_at=None, closed_at=None)  # as the index has it
    rows = rows.annotate(
        execution_status=Subquery(about.values("status")),
        workflow_id=Subquery(about.values("workflow_id")),
        workflow_name=Subquery(about.values("workflow__name")),
        state=_STATE,
    )
    return rows.filter(state=status) if status else rows


def approval_get(approval_id: uuid.UUID) -> Wait:
    """One approval of the current organization.

    Raises:
        NotFound: there is none that the viewer may know of.
    """
    found = approval_list().filter(id=approval_id).first()
    if found is None:
        raise NotFound("There is no such approval.")
    return found


def approval_decide(
    *, approval: Wait, by: Viewer, decision: str, reason: str = "", email: str = ""
) -> Wait:
    """Approve or deny, once; the execution goes on by it.

    Args:
        decision: `approved` or `denied`.
        email: the address that a link proves; otherwise the signed-in user's.

    Raises:
        Forbidden: not one of the approvers, or their own execution.
        Conflict: it was decided, its time has passed, or the execution has ended.
    """
    require_approver(approval.details, by, email)
    name = email or _name_of(by)
    with transaction.atomic():
        # Held before the wait, in the order that the engine takes both.
        _hold(approval.execution_id)
        open_ = Wait.objects.filter(id=approval.id, answered_at=None, closed_at=None)
        is_first = open_.filter(Q(expires_at=None) | Q(expires_at__gt=Now())).update(
            answered_at=Now(),
            answered_by=by.user_id,
            answer={"decision": decision, "reason": reason, "by": name},
        )
        if not is_first:
            raise _too_late(approval_get(approval.id))
        leases.wake(approval.execution_id)
        audit(
            viewer=by,
            action=f"approval.{'approve' if decision == 'approved' else 'deny'}",
            target_type="execution",
            target_id=approval.execution_id,
            after={"path": approval.path, "by": name, "reason": reason},
        )
    return approval_get(approval.id)


def _hold(execution_id: uuid.UUID) -> None:
    rows = Execution.objects.select_for_update(no_key=True).filter(id=execution_id)
    status = rows.values_list("status", flat=True).first()
    if status not in Execution.OPEN:
        raise Conflict(
            "The execution has ended; nothing can be decided any more.",
            code="execution_ended",
        )


def _too_late(approval: Wait) -> Conflict:
    if approval.answered_at is not None:
        answer = approval.answer or {}
        return Conflict(
            f"It was {answer['decision']} by {answer['by']} already.",
            code="already_decided",
            decision=answer["decision"],
        )
    if approval.state == TIMEOUT:  # type: ignore[attr-defined]  # annotated
        return Conflict("The time to decide has passed.", code="approval_expired")
    return Conflict("It is not asked for any more.", code="approval_closed")


def _name_of(by: Viewer) -> str:
    if by.user is not None:
        return by.user.email
    if by.api_key_id is None:
        return "the platform"
    return f"API key {ApiKey.objects.get(id=by.api_key_id).name}"


# --- by a link from a mail --------------------------------------------------------


@dataclass(frozen=True)
class Letter:
    """A link from a mail: what is asked, and of whom.

    Attributes:
        email: the address that the link was sent to.
        organization: its name.
        starter: who started the execution; empty when it was no person.
    """

    organization_id: uuid.UUID
    approval: Wait
    email: str
    organization: str
    starter: str


def letter_open(token: str) -> Letter:
    """What a link is about; decides nothing, since mail scanners follow links.

    Raises:
        NotFound: the link is forged, or what it was about is gone.
    """
    organization_id, wait_id, number = links.read_approval(token)
    with tenancy.tenant(organization_id):
        approval = approval_get(wait_id)
        recipients = approval.details.get("recipients", [])
        if number >= len(recipients):
            raise NotFound("There is no such approval.")
        return Letter(
            organization_id,
            approval,
            recipients[number],
            organization=Organization.objects.get(id=organization_id).name,
            starter=_starter_name(approval.execution_id),
        )


def _starter_name(execution_id: uuid.UUID) -> str:
    by = Execution.objects.filter(id=execution_id).values("triggered_by")
    starter = User.objects.filter(id__in=Subquery(by)).first()
    return (starter.name or starter.email) if starter else ""


def letter_decide(
    letter: Letter, *, decision: str, reason: str = "", address: str | None = None
) -> Wait:
    """Approve or deny as whoever has the link's address.

    Args:
        address: the network address that the request came from.

    Raises:
        Forbidden: the address is no approver's any more, or it is their own.
        Conflict: as for `approval_decide`.
    """
    with tenancy.tenant(letter.organization_id):
        by = viewer_by_address(letter.organization_id, letter.email, address=address)
        return approval_decide(
            approval=letter.approval,
            by=by,
            email=letter.email,
            decision=decision,
            reason=reason,
        )
