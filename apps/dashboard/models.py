"""What people keep for themselves on the pages."""

from django.db import models

from apps.core.models import TenantModel


class SavedFilter(TenantModel):
    """A filter of the list of executions that one user named.

    Attributes:
        query: the filter's fields as a query string.
    """

    user_id = models.UUIDField(editable=False)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2_000)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "user_id", "name"],
                name="saved_filter_once",
            )
        ]

    def __str__(self) -> str:
        return self.name
