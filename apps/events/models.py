"""The outbox: everything that happened, in the order in which it was published."""

from django.db import models

from apps.core.models import TenantModel


class Event(TenantModel):
    """Something that happened; written in the transaction of the change itself.

    Rows are never changed but for `seq`, which the publisher gives in the order of
    publication: numbers follow commits, so a reader that has seen number N will
    never meet a smaller one later. A database sequence would not do, since a
    transaction that commits late holds a number that was passed already.
    """

    type = models.TextField()
    seq = models.BigIntegerField(null=True, editable=False)
    workflow_id = models.UUIDField(null=True)
    execution_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    payload = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at", "id"],
                name="events_unpublished",
                condition=models.Q(seq__isnull=True),
            ),
            models.Index(fields=["workflow_id", "seq"], name="events_by_workflow"),
            models.Index(
                fields=["organization_id", "seq"], name="events_by_organization"
            ),
            models.Index(fields=["seq"], name="events_by_seq"),
            # Most events are for no user, and cost nothing here.
            models.Index(
                fields=["user_id", "organization_id", "seq"],
                name="events_by_user",
                condition=models.Q(user_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.seq or 'unpublished'}"


class Numbering(models.Model):
    """The last number given to an event, in one row; no tenant's data.

    Not `max(seq)`: old events are pruned, and a number must never come again.
    """

    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last)


class Progress(models.Model):
    """How far a subscriber has been told; no tenant's data."""

    name = models.TextField(primary_key=True)
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} {self.last}"
