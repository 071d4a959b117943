"""Webhooks, what is to be sent to them, and what came of each attempt."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from apps.core.models import TenantModel


class Webhook(TenantModel):
    """A URL to which an organization has events sent.

    One worker at a time serves a webhook, by a lease: so no attempt is sent twice at
    once, events keep their order, and a slow receiver holds one worker child at most.
    """

    class Status(models.TextChoices):
        """`disabled` is set by the platform; nothing is kept for later then."""

        ACTIVE = "active"
        PAUSED = "paused"
        DISABLED = "disabled"

    name = models.TextField()
    event_types = ArrayField(models.TextField())
    status = models.TextField(choices=Status, default=Status.ACTIVE)
    reason = models.TextField(blank=True, default="")
    encrypted_url = models.TextField()
    encrypted_secret = models.TextField()
    # The secret before the last rotation, by which messages are signed as well.
    encrypted_old_secret = models.TextField(blank=True, default="")
    old_secret_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)
    lease = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["organization_id", "id"], name="webhook_list")]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """Whose its encrypted values are."""
        return f"{self.organization_id}:webhook:{self.id}"


class Delivery(TenantModel):
    """One event for one webhook, with its body as it is sent each time."""

    class Status(models.TextChoices):
        """Only what is pending is sent."""

        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    webhook_id = models.UUIDField()
    event_id = models.UUIDField()
    event_type = models.TextField()
    body = models.TextField()
    status = models.TextField(choices=Status, default=Status.PENDING)
    # Attempts since it was written or replayed: what the next pause depends on.
    tries = models.IntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "webhook_id", "event_id"],
                name="delivery_once",
            )
        ]
        indexes = [
            models.Index(fields=["webhook_id", "id"], name="delivery_list"),
            models.Index(
                fields=["webhook_id", "due_at"],
                name="delivery_due",
                condition=models.Q(status="pending"),
            ),
            models.Index(
                fields=["ended_at"],
                name="delivery_ended",
                condition=models.Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.status}"

    @property
    def message_id(self) -> str:
        """The `webhook-id`: of the event, so the same over retries and replays."""
        return message_id(self.event_id)


class Attempt(TenantModel):
    """One request that was sent, and the beginning of its answer."""

    delivery_id = models.UUIDField()
    number = models.IntegerField()
    duration_ms = models.IntegerField()
    status_code = models.IntegerField(null=True)
    error = models.TextField(blank=True, default="")
    answer = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["organization_id", "delivery_id", "id"], name="attempt_of"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.status_code or self.error}"


def message_id(event_id: uuid.UUID) -> str:
    """The `webhook-id` of an event."""
    return f"evt_{event_id.hex}"
