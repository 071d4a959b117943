"""Base models: identifiers, times and the tenant's column."""

from django.db import models
from django.db.models.functions import Now

from apps.core.ids import uuid7


class BaseModel(models.Model):
    """A row with a UUIDv7 key; its times come from the database's clock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class TenantModel(BaseModel):
    """A row that belongs to one organization.

    Each subclass's migration ends with `core.rls.protect(table)`; a test walks all
    models and fails for one that has no policy.
    """

    organization_id = models.UUIDField(editable=False)

    class Meta:
        abstract = True


class Heartbeat(models.Model):
    """A loop of the platform that said it is alive; no tenant's data."""

    name = models.TextField(primary_key=True)
    beat_at = models.DateTimeField(db_default=Now())
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
