"""The bell: nobody waits for it, and it never tells late what was meant for then."""

import json
import socket
import time
from base64 import b64decode

import pytest
import redis

from apps.core.ids import uuid7
from apps.executions.engine import broker, dispatcher
from tests.fixtures_engine import wait_for


@pytest.fixture
def pool(servers, settings):
    name = f"bell-{uuid7()}"
    yield name
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(broker.queue_name(name))


@pytest.fixture
def heard(pool, settings):
    """The ids in the queue, in the order in which workers take them."""

    def read():
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            raw = client.lrange(broker.queue_name(pool), 0, -1)
        bodies = [json.loads(b64decode(json.loads(one)["body"])) for one in raw]
        return [body[0][0] for body in reversed(bodies)]

    return read


@pytest.fixture
def frozen(settings, pool):
    """A broker that takes connections and never says a word; gives the real one."""
    before = settings.REDIS_URL
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield before
    settings.REDIS_URL = before


def test_what_is_rung_for_arrives_in_order(pool, heard):
    bell = dispatcher._Bell()
    ids = [uuid7() for _ in range(500)]
    for one in ids:
        bell.ring(one, pool)
    wait_for(lambda: len(heard()) == 500)
    assert heard() == [str(one) for one in ids]


def test_as_many_as_are_too_many_are_taken_back(pool, heard):
    bell = dispatcher._Bell()
    ids = [uuid7() for _ in range(5)]
    for one in ids:
        bell.ring(one, pool)
    bell.unring(pool, 2)
    bell.unring(pool, 1)
    wait_for(lambda: len(heard()) == 2)
    assert heard() == [str(one) for one in ids[3:]]
    # More than there are: what comes later is not taken for it.
    bell.unring(pool, 10)
    wait_for(lambda: not heard())
    bell.ring(ids[0], pool)
    wait_for(lambda: heard() == [str(ids[0])])


def test_a_message_is_one_that_celery_reads(pool, settings):
    execution_id = uuid7()
    dispatcher.publish_to(broker.queue_name(pool), str(execution_id))
    from rpa.celery import app

    with app.connection_for_read() as connection:
        queue = app.amqp.queues.new_missing(broker.queue_name(pool))
        found = queue(connection.default_channel).get(no_ack=True)
    assert found.headers["task"] == dispatcher.TASK
    assert found.payload == [[str(execution_id)], {}, {}]
    assert found.delivery_info["routing_key"] == broker.queue_name(pool)


def test_ringing_never_waits_for_a_frozen_broker(frozen, pool):
    bell = dispatcher._Bell()
    began = time.monotonic()
    for _ in range(30_000):
        bell.ring(uuid7(), pool)
    assert time.monotonic() - began < 5
    assert bell._waiting.qsize() <= 20_000


def test_what_a_frozen_broker_did_not_take_is_dropped_with_all_behind_it(pool, frozen):
    bell = dispatcher._Bell()
    for _ in range(1_000):
        bell.ring(uuid7(), pool)
    wait_for(lambda: bell._away_until and not bell._waiting.qsize())


def test_after_a_restart_of_the_broker_the_next_ring_is_heard(pool, heard, settings):
    bell = dispatcher._Bell()
    bell.ring(uuid7(), pool)
    wait_for(lambda: len(heard()) == 1)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for row in client.client_list():
            if row["cmd"] == "lpush":  # the bell's connection
                client.client_kill_filter(_id=row["id"])
    bell.ring(uuid7(), pool)
    wait_for(lambda: len(heard()) == 2)


def test_publishing_to_a_broker_that_is_away_says_so(settings, pool, frozen):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(broker.BrokerError):
        dispatcher.publish_to(broker.queue_name(pool), str(uuid7()))
