"""What we say to Redis ourselves: messages as Celery reads them, with short patience.

Publishing needs one command, so it does without Celery's connection pools: those
would wait as long as a consumer may, declare queues, and take ten times as long.
"""

import base64
import json
import uuid
from collections.abc import Sequence

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

# Every error that a broker which is away, frozen, full or restarting gives.
BrokerError = redis.RedisError

PATIENCE_S = 2.0


def connect(patience_s: float = PATIENCE_S) -> "redis.Redis":
    """A client that waits `patience_s` for an answer, and for nothing twice as long.

    A connection that has ended meanwhile is made anew, once.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=patience_s,
        socket_connect_timeout=patience_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def queue_name(pool: str) -> str:
    """The Celery queue of a worker pool."""
    instance = settings.RPA_INSTANCE
    return f"{instance}.{pool}" if instance else pool


def message(task: str, queue: str, *arguments: str) -> str:
    """A call of `task` as it stands in the list of a queue.

    Celery's protocol 2 in the envelope of kombu's Redis transport.
    """
    call_id = str(uuid.uuid4())
    body = [arguments, {}, {}]
    return json.dumps(
        {
            "body": base64.b64encode(json.dumps(body).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": call_id,
                "root_id": call_id,
                "argsrepr": repr(arguments),
                "kwargsrepr": "{}",
                "ignore_result": True,
            },
            "properties": {
                "correlation_id": call_id,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


def push(client: "redis.Redis", messages: Sequence[tuple[str, str]]) -> None:
    """Put messages at the end of their queues: pairs of queue and message.

    Raises:
        BrokerError: it does not answer, or does not take them.
    """
    with client.pipeline(transaction=False) as pipe:
        for queue, text in messages:
            pipe.lpush(queue, text)
        pipe.execute()


def take_back(client: "redis.Redis", queue: str, count: int) -> None:
    """Remove the oldest messages of a queue, as many as there are up to `count`.

    The queue of a pool holds nothing but bells, for executions and webhooks; one too
    few is rung again.

    Raises:
        BrokerError: it does not answer.
    """
    client.rpop(queue, count)


def waiting(client: "redis.Redis", pool: str) -> int:
    """How many messages of a pool no worker has taken yet.

    Raises:
        BrokerError: it does not answer.
    """
    found = client.llen(queue_name(pool))
    assert isinstance(found, int)  # noqa: S101  # a client that is not asynchronous
    return found
