"""The channel layer's way to Redis, for those who have no event loop.

The layer keeps one Redis channel a group. So whether anybody in any process listens
to a group is known to Redis itself, and ends with the process that listened.
"""

from collections.abc import Sequence
from typing import Any

import redis
from channels.layers import get_channel_layer
from django.conf import settings

_CONFIG: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
PREFIX = str(_CONFIG["prefix"])
"""What all names of this installation in Redis begin with."""


def redis_channel(group: str) -> str:
    """The Redis channel of a group."""
    return f"{PREFIX}__group__{group}"


def listened(client: "redis.Redis", groups: Sequence[str]) -> set[str]:
    """Those of the groups that some process listens to.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    if not groups:
        return set()
    names = {redis_channel(group): group for group in groups}
    counts: Any = client.pubsub_numsub(*names)
    return {
        names[name.decode() if isinstance(name, bytes) else name]
        for name, count in counts
        if count
    }


def count_groups(client: "redis.Redis") -> int:
    """How many groups some process listens to.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    found: Any = client.pubsub_channels(redis_channel("*"))
    return len(found)


def send(client: "redis.Redis", messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send messages to groups, in one round trip: pairs of group and message.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    layer = get_channel_layer()
    with client.pipeline(transaction=False) as pipe:
        for group, message in messages:
            pipe.publish(redis_channel(group), layer.serialize(message))
        pipe.execute()
