"""Who is connected, over all processes: each tells Redis, and is forgotten if it ends.

Redis knows whether a process listens still, so one that was killed counts no more: its
clients come back at once, and are not too many for that. A process whose host went
away counts for a few seconds, until its word expires. Channels need no such word:
Redis itself knows which are listened to, and by whom.
"""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import redis
from django.conf import settings

from apps.events import layer

KEPT_S = 15
UNKNOWN: Mapping[str, int | None] = {"connectedClients": None, "activeRooms": None}
PATIENCE_S = 2.0


def _key(name: str) -> str:
    return f"{layer.PREFIX}:sockets:{name}"


def connect() -> "redis.Redis":
    """A client of Redis that waits for nothing long."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S,
    )


class Presence:
    """One process's word, and what the others said last.

    Attributes:
        others: connections of each user in other processes.
    """

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._client = connect()
        self.others: Counter[str] = Counter()

    def tell(
        self, clients: int, users: Mapping[str, int], ear: str | None = None
    ) -> None:
        """Say how many are here, and learn how many are elsewhere.

        Args:
            ear: the Redis channel that this process listens to as long as it lives.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        word = json.dumps({"clients": clients, "users": dict(users), "ear": ear})
        with self._client.pipeline(transaction=False) as pipe:
            pipe.set(_key(self._id), word, ex=KEPT_S)
            pipe.sadd(_key("processes"), self._id)
            pipe.execute()
        others: Counter[str] = Counter()
        for name, said in _words(self._client).items():
            if name != self._id:
                others.update(said["users"])
        self.others = others


def _words(client: "redis.Redis") -> dict[str, dict[str, Any]]:
    """What the processes that live said last."""
    names = sorted(one.decode() for one in client.smembers(_key("processes")))  # type: ignore[union-attr]  # not asynchronous
    if not names:
        return {}
    found: Any = client.mget([_key(name) for name in names])
    words = dict(zip(names, found, strict=True))
    if gone := [name for name, word in words.items() if word is None]:
        client.srem(_key("processes"), *gone)
    said = {name: json.loads(word) for name, word in words.items() if word}
    deaf = _deaf(client, [word["ear"] for word in said.values() if word.get("ear")])
    return {name: word for name, word in said.items() if word.get("ear") not in deaf}


def _deaf(client: "redis.Redis", ears: list[str]) -> set[str]:
    """Those of the ears that nobody listens by any more."""
    counts: Any = client.pubsub_numsub(*ears) if ears else []
    return {ear.decode() for ear, count in counts if not count}


def totals() -> Mapping[str, int | None]:
    """Connected clients and channels with listeners; None: Redis does not answer."""
    client = connect()
    try:
        clients = sum(int(word["clients"]) for word in _words(client).values())
        return {"connectedClients": clients, "activeRooms": layer.count_groups(client)}
    except redis.RedisError:
        return UNKNOWN
    finally:
        client.close()
