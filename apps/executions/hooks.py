"""A workflow's own URL: making it, showing it, switching it, taking it away."""

import secrets

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.crypto import decrypt, encrypt
from apps.core.errors import Conflict, NotFound
from apps.core.types import JsonObject
from apps.executions.inbound.accepting import token_hash
from apps.executions.models import Hook
from apps.workflows.models import Workflow

TOKEN_BYTES = 32


def hook_find(workflow: Workflow) -> Hook | None:
    """The workflow's hook, if it has one."""
    return Hook.objects.filter(workflow_id=workflow.id).first()


def hook_get(workflow: Workflow) -> Hook:
    """The workflow's hook.

    Raises:
        NotFound: it has none.
    """
    hook = hook_find(workflow)
    if hook is None:
        raise NotFound("The workflow has no URL of its own.")
    return hook


def hook_url(hook: Hook) -> str:
    """The URL to call; whoever knows it may start the workflow."""
    token = decrypt(hook.encrypted, owner=_owner(hook))
    return f"{settings.PUBLIC_URL}/hooks/{token}"


@transaction.atomic
def hook_make(*, workflow: Workflow, by: Viewer) -> tuple[Hook, bool]:
    """A URL for the workflow; when it has one, that is replaced by a new one.

    Returns: the hook, and whether the workflow had none before.

    Raises:
        Conflict: the workflow is archived.
    """
    if workflow.is_archived:
        raise Conflict("The workflow is archived.", code="workflow_archived")
    # Of two at once the second waits here, and replaces the first one's.
    Workflow.objects.select_for_update(no_key=True, of=("self",)).get(id=workflow.id)
    known = hook_find(workflow)
    hook = known or Hook(
        organization_id=workflow.organization_id, workflow_id=workflow.id
    )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hook.token_hash = token_hash(token)
    hook.encrypted = encrypt(token, owner=_owner(hook))
    hook.created_by = by.user_id
    hook.created_at = Now()  # computed there
    hook.save()
    hook.refresh_from_db()
    _audit(hook, by, "rotate" if known else "create", {"is_enabled": hook.is_enabled})
    return hook, known is None


@transaction.atomic
def hook_switch(*, hook: Hook, by: Viewer, is_enabled: bool) -> Hook:
    """Let calls in, or keep them out; the URL stays."""
    if hook.is_enabled != is_enabled:
        hook.is_enabled = is_enabled
        hook.save(update_fields=["is_enabled"])
        _audit(hook, by, "update", {"is_enabled": is_enabled})
    return hook


@transaction.atomic
def hook_delete(*, hook: Hook, by: Viewer) -> None:
    """Take the URL away for good."""
    _audit(hook, by, "delete", None)
    hook.delete()


def _owner(hook: Hook) -> str:
    return f"{hook.organization_id}:hook:{hook.id}"


def _audit(hook: Hook, by: Viewer, verb: str, after: JsonObject | None) -> None:
    audit(
        viewer=by,
        action=f"hook.{verb}",
        target_type="workflow",
        target_id=hook.workflow_id,
        after=after,
    )
