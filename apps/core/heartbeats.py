"""Loops that must not fall silent say that they are alive."""

from datetime import timedelta

from django.db.models.functions import Now

from apps.core.models import Heartbeat


def beat(name: str, **detail: object) -> None:
    """Say that the loop `name` is alive, by the database's clock."""
    Heartbeat.objects.update_or_create(
        name=name,
        defaults={"beat_at": Now(), "detail": detail},
        create_defaults={"beat_at": Now(), "detail": detail},
    )


def is_alive(name: str, *, within: timedelta) -> bool:
    """Whether the loop said so within the given time."""
    return Heartbeat.objects.filter(name=name, beat_at__gt=Now() - within).exists()
