"""What one client may do, and how long it may be silent."""

from dataclasses import dataclass

from django.conf import settings

FRAME_BYTES = 16 * 1024
DEPTH = 8
MESSAGES_PER_S = 10.0
# All subscriptions of a client that comes back, at once.
BURST = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """Durations in seconds.

    Attributes:
        buffer_bytes: what may wait for one client until it is cut.
        replay_events: what one subscription may ask for of the past.
        recheck_s: how often rights are looked at again.
        look_s: how often the table is asked for what the channel layer lost.
    """

    authenticate_s: float = 5.0
    ping_s: float = 20.0
    silent_s: float = 60.0
    recheck_s: float = 5.0
    look_s: float = 2.0
    connections_per_user: int = 20
    subscriptions: int = 100
    buffer_bytes: int = 1024 * 1024
    replay_events: int = 10_000


def limits() -> Limits:
    """What the settings say."""
    return Limits(
        authenticate_s=settings.SOCKET_AUTHENTICATE_WITHIN.total_seconds(),
        ping_s=settings.SOCKET_PING.total_seconds(),
        silent_s=settings.SOCKET_SILENT_AFTER.total_seconds(),
        recheck_s=settings.SOCKET_RECHECK.total_seconds(),
        connections_per_user=settings.SOCKET_CONNECTIONS_PER_USER,
        subscriptions=settings.SOCKET_SUBSCRIPTIONS,
        buffer_bytes=settings.SOCKET_BUFFER_BYTES,
        replay_events=settings.SOCKET_REPLAY_EVENTS,
    )
