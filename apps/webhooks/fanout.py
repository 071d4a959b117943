"""The subscriber of events: writes a delivery for each webhook that wants one."""

import uuid
from collections.abc import Iterable

from apps.core.types import JsonObject
from apps.events.published import Published, compact
from apps.webhooks.models import Delivery, Webhook


def fan_out(events: list[Published]) -> None:
    """Write the deliveries of these events into the running transaction.

    Paused webhooks get theirs too, to be sent when they go on.
    """
    organizations = {event.organization_id for event in events}
    wanting = Webhook.objects.filter(organization_id__in=organizations).exclude(
        status=Webhook.Status.DISABLED
    )
    hooks: dict[uuid.UUID, list[Webhook]] = {}
    for hook in wanting.order_by("id"):
        hooks.setdefault(hook.organization_id, []).append(hook)
    rows = _deliveries(events, hooks)
    Delivery.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _deliveries(
    events: Iterable[Published], hooks: dict[uuid.UUID, list[Webhook]]
) -> list[Delivery]:
    return [
        Delivery(
            organization_id=event.organization_id,
            webhook_id=hook.id,
            event_id=event.id,
            event_type=event.type,
            body=body(event),
        )
        for event in events
        for hook in hooks.get(event.organization_id, ())
        if event.type in hook.event_types
    ]


def body(event: Published) -> str:
    """The message: `type`, `timestamp`, `data` with the subjects' ids."""
    data: JsonObject = {
        **event.payload,
        "eventId": event.seq,
        "organizationId": str(event.organization_id),
        "workflowId": _text(event.workflow_id),
        "executionId": _text(event.execution_id),
        "userId": _text(event.user_id),
    }
    moment = event.created_at.isoformat()
    return compact({"type": event.type, "timestamp": moment, "data": data})


def _text(identifier: uuid.UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
