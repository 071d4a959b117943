"""Making, changing and deleting webhooks, and new secrets for them."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core.crypto import encrypt
from apps.core.egress.origins import parse_origin
from apps.core.errors import Conflict, Invalid, PermanentFailure
from apps.core.ids import uuid7
from apps.core.types import JsonObject
from apps.webhooks import signing
from apps.webhooks.models import Webhook

MOST = 50
"""Webhooks of one organization."""


@transaction.atomic
def webhook_create(
    *, viewer: Viewer, name: str, url: str, event_types: Sequence[str]
) -> tuple[Webhook, str]:
    """A webhook and its secret, which is shown only now.

    Raises:
        Invalid: the URL cannot be called.
        Conflict: there are too many.
    """
    check_url(url)
    if Webhook.objects.filter(organization_id=viewer.organization_id).count() >= MOST:
        raise Conflict(f"There are {MOST} webhooks already.", code="too_many_webhooks")
    hook = Webhook(
        id=uuid7(),
        organization_id=viewer.organization_id,
        name=name,
        event_types=sorted(set(event_types)),
        created_by=viewer.user_id,
    )
    secret = signing.new_secret()
    hook.encrypted_url = encrypt(url, owner=hook.owner)
    hook.encrypted_secret = encrypt(secret, owner=hook.owner)
    hook.save()
    hook.refresh_from_db()
    audit_of(hook, viewer, "create", after=_facts(hook))
    return hook, secret


@transaction.atomic
def webhook_update(
    *,
    viewer: Viewer,
    hook: Webhook,
    name: str | None = None,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    status: str | None = None,
) -> Webhook:
    """Change a webhook, pause it, or let it go on.

    Raises:
        Invalid: the URL cannot be called.
    """
    hook = Webhook.objects.select_for_update().get(id=hook.id)
    before = _facts(hook)
    if url is not None:
        check_url(url)
        hook.encrypted_url = encrypt(url, owner=hook.owner)
    hook.name = name or hook.name
    if event_types is not None:
        hook.event_types = sorted(set(event_types))
    if status is not None and status != hook.status:
        hook.status, hook.reason, hook.failing_since = status, "", None
    changed = ["name", "encrypted_url", "event_types"]
    hook.save(update_fields=[*changed, "status", "reason", "failing_since"])
    after = {**_facts(hook), "url_changed": url is not None}
    audit_of(hook, viewer, "update", before=before, after=after)
    return hook


@transaction.atomic
def webhook_delete(*, viewer: Viewer, hook: Webhook) -> None:
    """Delete a webhook with all that is known of its deliveries."""
    audit_of(hook, viewer, "delete", before=_facts(hook))
    hook.delete()


@transaction.atomic
def webhook_rotate(*, viewer: Viewer, hook: Webhook, overlap: timedelta) -> str:
    """A new secret, shown only now; for `overlap`, messages are signed by both."""
    hook = Webhook.objects.select_for_update().get(id=hook.id)
    secret = signing.new_secret()
    hook.encrypted_old_secret = hook.encrypted_secret if overlap else ""
    hook.encrypted_secret = encrypt(secret, owner=hook.owner)
    hook.save(update_fields=["encrypted_secret", "encrypted_old_secret"])
    Webhook.objects.filter(id=hook.id).update(old_secret_until=Now() + overlap)
    facts: JsonObject = {"overlap_s": overlap.total_seconds()}
    audit_of(hook, viewer, "rotate", after=facts)
    return secret


def check_url(url: str) -> None:
    """Pass when it is a URL that messages can be sent to.

    Raises:
        Invalid: it is not, or has a password or a fragment in it.
    """
    try:
        parse_origin(url)
    except PermanentFailure as error:
        raise _wrong(str(error)) from error
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.fragment:
        raise _wrong("It must have neither a user name nor a fragment.")


def audit_of(
    hook: Webhook,
    viewer: Viewer,
    verb: str,
    *,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
) -> None:
    """Write what somebody did to a webhook into the audit trail."""
    audit(
        viewer=viewer,
        action=f"webhook.{verb}",
        target_type="webhook",
        target_id=hook.id,
        before=before,
        after=after,
    )


def _facts(hook: Webhook) -> JsonObject:
    # The URL is a secret of some receivers.
    types = list(hook.event_types)
    return {"name": hook.name, "status": hook.status, "event_types": types}


def _wrong(message: str) -> Invalid:
    return Invalid(errors=[{"path": "url", "message": message}])
