"""Sending again by hand, and sending a test event."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.accounts.viewer import Viewer
from apps.core.errors import Conflict
from apps.core.ids import uuid7
from apps.events.published import compact
from apps.webhooks import selectors
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.pauses import PAUSES_S
from apps.webhooks.services.webhooks import audit_of

TEST_TYPE = "webhook-test"


@transaction.atomic
def webhook_test(*, viewer: Viewer, hook: Webhook) -> Delivery:
    """Have a test event sent, once.

    Raises:
        Conflict: the webhook is not active.
    """
    if hook.status != Webhook.Status.ACTIVE:
        raise Conflict("The webhook is not active.", code="webhook_not_active")
    data = {"webhookId": str(hook.id), "organizationId": str(hook.organization_id)}
    moment = datetime.now(UTC).isoformat()
    audit_of(hook, viewer, "test")
    delivery = Delivery.objects.create(
        organization_id=hook.organization_id,
        webhook_id=hook.id,
        event_id=uuid7(),
        event_type=TEST_TYPE,
        body=compact({"type": TEST_TYPE, "timestamp": moment, "data": data}),
        # The person who asked looks at what comes of it, and may ask again.
        tries=len(PAUSES_S),
    )
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def delivery_replay(*, viewer: Viewer, hook: Webhook, delivery: Delivery) -> Delivery:
    """Have a delivery sent again, under the same `webhook-id`.

    Raises:
        Conflict: the webhook is disabled.
    """
    _check(hook)
    _again(Delivery.objects.filter(id=delivery.id))
    delivery.refresh_from_db()
    audit_of(hook, viewer, "replay", after={"delivery_id": str(delivery.id)})
    return delivery


@transaction.atomic
def failed_replay(*, viewer: Viewer, hook: Webhook, since: datetime) -> int:
    """Have all sent again that failed since a time; gives how many.

    Raises:
        Conflict: the webhook is disabled.
    """
    _check(hook)
    count = _again(selectors.failed_since(hook, since))
    facts = {"since": since.isoformat(), "deliveries": count}
    audit_of(hook, viewer, "replay", after={**facts})
    return count


def _check(hook: Webhook) -> None:
    if hook.status == Webhook.Status.DISABLED:
        raise Conflict("The webhook is disabled.", code="webhook_disabled")


def _again(deliveries: QuerySet[Delivery]) -> int:
    return deliveries.update(
        status=Delivery.Status.PENDING, tries=0, due_at=Now(), ended_at=None
    )
