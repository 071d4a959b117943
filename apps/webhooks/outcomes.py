"""What an attempt changes: its log, the delivery, and the state of the webhook."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from apps.core import tenancy
from apps.core.types import JsonObject
from apps.events.services import emit
from apps.events.types import WEBHOOK_DISABLED
from apps.webhooks import leases
from apps.webhooks.models import Attempt, Delivery, Webhook
from apps.webhooks.pauses import pause_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        error: why there is no answer.
        answer: the beginning of the answer's body.
        is_gone: the receiver wants nothing any more.
        is_final: to try again cannot help.
        retry_after_s: how long the receiver asks to wait.
    """

    duration_ms: int
    status_code: int | None = None
    error: str = ""
    answer: str = ""
    is_success: bool = False
    is_gone: bool = False
    is_final: bool = False
    retry_after_s: float | None = None


def record(hook: Webhook, delivery: Delivery, outcome: Outcome) -> None:
    """Write the outcome in one transaction; nothing when the lease was lost."""
    with tenancy.tenant(hook.organization_id):
        held = leases.lock_held(hook)
        # It may have been deleted, or served by another worker, since it was sent.
        current = Delivery.objects.filter(id=delivery.id).first()
        if held is None or current is None:
            return
        _log(current, outcome)
        _move(current, outcome)
        _judge(held, outcome)


def _log(delivery: Delivery, outcome: Outcome) -> None:
    before = Attempt.objects.filter(
        organization_id=delivery.organization_id, delivery_id=delivery.id
    ).count()
    Attempt.objects.create(
        organization_id=delivery.organization_id,
        delivery_id=delivery.id,
        number=before + 1,
        duration_ms=outcome.duration_ms,
        status_code=outcome.status_code,
        error=outcome.error[:500],
        answer=outcome.answer,
    )


def _move(delivery: Delivery, outcome: Outcome) -> None:
    tries = delivery.tries + 1
    changes: JsonObject = {"tries": tries}
    pause = pause_s(tries, outcome.retry_after_s)
    is_over = outcome.is_gone or outcome.is_final or pause is None
    times: dict[str, object] = {"ended_at": Now()}
    if outcome.is_success:
        changes["status"] = Delivery.Status.DELIVERED
    elif is_over:
        changes["status"] = Delivery.Status.FAILED
    else:
        times = {"due_at": Now() + timedelta(seconds=pause or 0)}
    Delivery.objects.filter(id=delivery.id).update(**changes, **times)


def _judge(hook: Webhook, outcome: Outcome) -> None:
    this = Webhook.objects.filter(id=hook.id)
    if outcome.is_success:
        this.exclude(failing_since=None).update(failing_since=None)
    elif outcome.is_gone:
        _disable(hook, "The receiver answered 410 Gone.")
    elif hook.failing_since is None:
        this.update(failing_since=Now())
    elif this.filter(failing_since__lte=Now() - settings.WEBHOOK_DISABLE_AFTER):
        _disable(hook, "Nothing could be delivered for too long.")


def _disable(hook: Webhook, reason: str) -> None:
    if hook.status == Webhook.Status.DISABLED:
        return
    hook.status, hook.reason = Webhook.Status.DISABLED, reason
    hook.save(update_fields=["status", "reason"])
    waiting = Delivery.objects.filter(
        webhook_id=hook.id, status=Delivery.Status.PENDING
    )
    waiting.update(status=Delivery.Status.FAILED, ended_at=Now())
    emit(
        WEBHOOK_DISABLED,
        organization_id=hook.organization_id,
        payload={"webhookId": str(hook.id), "name": hook.name, "reason": reason},
    )
