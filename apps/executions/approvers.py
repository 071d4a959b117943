"""Who may decide an approval, and who is told of it."""

import uuid

from apps.accounts.models import ApiKey, AuditEntry, Membership, User
from apps.accounts.roles import Role, rank
from apps.accounts.viewer import Viewer
from apps.core.errors import Forbidden
from apps.core.types import JsonObject
from apps.executions.models import Execution

# Of people with a role; whoever is named by address is always told.
MOST_TOLD = 50


def recipients_of(approvers: list[str], *, but: uuid.UUID | None) -> list[str]:
    """The mail addresses to tell, each once: those named, then those of members.

    Args:
        but: a member who may not decide.
    """
    named = _named(approvers)
    members = Membership.objects.filter(
        role__in=_roles_from(_lowest(approvers)), user__is_active=True
    )
    if but is not None:
        members = members.exclude(user_id=but)
    emails = members.order_by("id").values_list("user__email", flat=True)[:MOST_TOLD]
    return list(dict.fromkeys([*named, *emails]))


def starter_of(execution: Execution) -> uuid.UUID | None:
    """The person behind an execution: also of its parent, or of an API key's use."""
    while execution.parent_id is not None:
        execution = Execution.objects.get(id=execution.parent_id)
    if execution.triggered_by is not None:
        return execution.triggered_by
    started = AuditEntry.objects.filter(
        target_type="execution",
        target_id=str(execution.id),
        action__in=("execution.start", "execution.retry"),
    ).first()
    if started is None or started.api_key_id is None:
        return None
    keys = ApiKey.objects.filter(id=started.api_key_id)
    return keys.values_list("created_by_id", flat=True).first()


def viewer_by_address(
    organization_id: uuid.UUID, email: str, *, address: str | None
) -> Viewer:
    """Who an approval's link was sent to, with the role they have now."""
    user = User.objects.filter(email=email, is_active=True).first()
    role = ""
    if user is not None:
        member = Membership.objects.filter(user=user).first()
        role = member.role if member else ""
    return Viewer(
        organization_id=organization_id, role=role, user=user, address=address
    )


def require_approver(details: JsonObject, by: Viewer, email: str = "") -> None:
    """Go on only when `by` may decide what `details` ask for.

    Args:
        email: the address that a link proves; otherwise the signed-in user's.

    Raises:
        Forbidden: no approver, or it is their own execution and that is forbidden.
    """
    email = email or (by.user.email if by.user else "")
    approvers = details["approvers"]
    if email not in _named(approvers) and not _has_role(approvers, by):
        raise Forbidden("You are no approver of this.", code="not_an_approver")
    if details["allow_own"]:
        return
    # Whoever is behind an API key cannot be told from the one who started it.
    if by.api_key_id is not None or _is(by.user, details["starter"]):
        raise Forbidden(
            "Whoever started the execution may not decide this.", code="own_execution"
        )


def is_approver(details: JsonObject, by: Viewer) -> bool:
    """Whether `by` may decide what `details` ask for."""
    try:
        require_approver(details, by)
    except Forbidden:
        return False
    return True


def _is(user: User | None, starter: str | None) -> bool:
    return user is not None and str(user.id) == starter


def _named(approvers: list[str]) -> list[str]:
    return [one for one in approvers if "@" in one]


def _lowest(approvers: list[str]) -> str | None:
    """The lowest role that may decide; None when only addresses are named."""
    if not approvers:
        return Role.OPERATOR
    roles = [one for one in approvers if "@" not in one]
    return min(roles, key=rank) if roles else None


def _roles_from(lowest: str | None) -> list[str]:
    if lowest is None:
        return []
    return [role for role in Role.values if rank(role) >= rank(lowest)]


def _has_role(approvers: list[str], by: Viewer) -> bool:
    # A key's scopes say what it may do, its role on whose behalf.
    return by.role in _roles_from(_lowest(approvers)) and by.may(Role.OPERATOR)
