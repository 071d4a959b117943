"""Fields of our own."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import JSONField


class OrderedJSONField(JSONField):
    """JSON that comes back as it was written, to the order of its keys.

    `jsonb` sorts keys and rewrites numbers. What a replay goes through again, such
    as a loop over a mapping, must come in the order of the first time.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        """The driver has parsed it already."""
        return value
