"""Loops that must not fall silent say that they are alive."""

from datetime import UTC, datetime, timedelta

from django.db.models.functions import Now

from apps.core.models import Heartbeat

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


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


def claim(name: str, *, every: timedelta) -> bool:
    """Whether it is time for the work `name`, and up to the caller to do it.

    Of all processes that ask, one a period is told to; who does it for longer says
    so by `beat`.
    """
    Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": _NEVER})
    due = Heartbeat.objects.filter(name=name, beat_at__lt=Now() - every)
    return due.update(beat_at=Now()) == 1
