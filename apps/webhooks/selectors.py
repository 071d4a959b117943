"""Reading webhooks and what was sent to them."""

import uuid
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.accounts.viewer import Viewer
from apps.core.crypto import decrypt
from apps.core.errors import NotFound
from apps.webhooks.models import Attempt, Delivery, Webhook


def webhook_list(*, viewer: Viewer) -> QuerySet[Webhook]:
    """The webhooks of the viewer's organization."""
    return Webhook.objects.filter(organization_id=viewer.organization_id)


def webhook_get(*, viewer: Viewer, webhook_id: uuid.UUID) -> Webhook:
    """One webhook.

    Raises:
        NotFound: the viewer's organization has none of this id.
    """
    found = webhook_list(viewer=viewer).filter(id=webhook_id).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def webhook_url(hook: Webhook) -> str:
    """Where it sends to."""
    return decrypt(hook.encrypted_url, owner=hook.owner)


def valid_secrets(hook: Webhook) -> list[str]:
    """The secrets to sign by: the newest, and for a while the one before it."""
    found = [decrypt(hook.encrypted_secret, owner=hook.owner)]
    overlapping = Webhook.objects.filter(id=hook.id, old_secret_until__gt=Now())
    if hook.encrypted_old_secret and overlapping.exists():
        found.append(decrypt(hook.encrypted_old_secret, owner=hook.owner))
    return found


def delivery_list(
    hook: Webhook, *, status: str | None = None, type: str | None = None
) -> QuerySet[Delivery]:
    """The deliveries of a webhook."""
    found = Delivery.objects.filter(webhook_id=hook.id)
    if status:
        found = found.filter(status=status)
    return found.filter(event_type=type) if type else found


def delivery_get(hook: Webhook, delivery_id: uuid.UUID) -> Delivery:
    """One delivery of a webhook.

    Raises:
        NotFound: it has none of this id.
    """
    found = Delivery.objects.filter(webhook_id=hook.id, id=delivery_id).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def attempt_list(delivery: Delivery) -> QuerySet[Attempt]:
    """The attempts to send a delivery."""
    return Attempt.objects.filter(
        organization_id=delivery.organization_id, delivery_id=delivery.id
    )


def failed_since(hook: Webhook, since: datetime) -> QuerySet[Delivery]:
    """What failed for good since a time."""
    return Delivery.objects.filter(
        webhook_id=hook.id, status=Delivery.Status.FAILED, ended_at__gte=since
    )
