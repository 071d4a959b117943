"""Core: what every room may use."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def grant_application_role(using: str = "default", **_: Any) -> None:
    """Give the application's role its rights on the tables it does not own."""
    from django.conf import settings

    connection = connections[using]
    role = settings.DATABASE_APP_ROLE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [role],
        )
        user, exists = cursor.fetchone()
        if user == role or not exists:
            return
        name = connection.ops.quote_name(role)
        cursor.execute(
            f"GRANT USAGE ON SCHEMA public TO {name};"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
            f" TO {name};"
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name};"
        )


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        post_migrate.connect(grant_application_role, sender=self)
