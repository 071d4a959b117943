"""Who serves which webhook: a lease in its row, by the database's clock."""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.webhooks.models import Delivery, Webhook

# Advisory lock under which the served webhooks are counted.
_LOCK = 7_203_011
# Above the longest attempt: who holds it has ended by then, or died.
MARGIN = timedelta(seconds=30)

_DUE = """
    w.status = 'active' AND w.lease_until <= clock_timestamp() AND EXISTS (
        SELECT 1 FROM webhooks_delivery d WHERE d.webhook_id = w.id
        AND d.status = 'pending' AND d.due_at <= clock_timestamp())
"""
_COUNT = f"""
    SELECT LEAST((SELECT count(*) FROM (SELECT 1 FROM webhooks_webhook w
        WHERE {_DUE} LIMIT %(most)s) due),
        %(most)s - (SELECT count(*) FROM webhooks_webhook
            WHERE lease IS NOT NULL AND lease_until > clock_timestamp()))
"""  # noqa: S608  # constants
# Who was served longest ago comes first.
_CLAIM = f"""
    UPDATE webhooks_webhook SET lease = %(lease)s,
        lease_until = clock_timestamp() + make_interval(secs => %(lasts_s)s)
    WHERE id = (SELECT w.id FROM webhooks_webhook w WHERE {_DUE}
        ORDER BY w.lease_until, w.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
"""  # noqa: S608  # constants


def due_count() -> int:
    """How many webhooks wait for somebody to serve them, within the limit."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_COUNT, {"most": settings.WEBHOOK_CONCURRENCY})
        return max(0, int(cursor.fetchone()[0]))


def claim() -> Webhook | None:
    """A webhook with due deliveries that is now ours alone; None: nothing to do."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_COUNT, {"most": settings.WEBHOOK_CONCURRENCY})
        if cursor.fetchone()[0] < 1:
            return None
        cursor.execute(_CLAIM, {"lease": uuid7(), "lasts_s": _lasts().total_seconds()})
        row = cursor.fetchone()
        return Webhook.objects.get(id=row[0]) if row else None


def _lasts() -> timedelta:
    lasts: timedelta = MARGIN + settings.WEBHOOK_TIMEOUT
    return lasts


def next_delivery(hook: Webhook) -> tuple[Webhook, Delivery] | None:
    """The webhook as it is now and what is due first; renews the lease.

    None: nothing is due, it was paused, or the lease is another's by now.
    """
    with tenancy.tenant(hook.organization_id):
        held = Webhook.objects.filter(id=hook.id, lease=hook.lease)
        held = held.filter(status=Webhook.Status.ACTIVE)
        if not held.update(lease_until=Now() + _lasts()):
            return None
        due = Delivery.objects.filter(
            webhook_id=hook.id, status=Delivery.Status.PENDING, due_at__lte=Now()
        )
        # A late retry does not step before what has waited longer.
        found = due.order_by("due_at", "id").first()
        return (held.get(), found) if found else None


def release(hook: Webhook) -> None:
    """Let others serve the webhook."""
    with tenancy.tenant(hook.organization_id):
        held = Webhook.objects.filter(id=hook.id, lease=hook.lease)
        held.update(lease=None, lease_until=Now())


def lock_held(hook: Webhook) -> Webhook | None:
    """The webhook's row, locked; None when the lease is another's by now."""
    locked = Webhook.objects.select_for_update()
    return locked.filter(id=hook.id, lease=hook.lease, lease__isnull=False).first()
