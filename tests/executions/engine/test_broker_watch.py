"""A worker knows whether the broker answers, and whether it hears it."""

import time
from datetime import timedelta

import pytest
import redis
from celery.signals import worker_shutdown
from kombu import Consumer

from apps.core.ids import uuid7
from apps.executions.engine import broker_watch, canary, worker
from apps.executions.engine.broker_watch import BrokerWatch
from apps.executions.engine.slots import Flag, SlotTable
from apps.executions.engine.workers import Identity
from rpa.celery import app

NOBODY = "redis://127.0.0.1:1/0"


class Watched:
    """A watch that is asked to look when the test wants it."""

    def __init__(self):
        self.table = SlotTable(1)
        self.identity = Identity("test", 1, id=uuid7())
        self.is_full = False
        self.deaf = 0
        self.watch = BrokerWatch(
            self.table,
            self.identity,
            is_full=lambda: self.is_full,
            on_deaf=self._on_deaf,
        )

    def _on_deaf(self):
        self.deaf += 1

    def look(self, times=3):
        for _ in range(times):
            self.watch.look()
            time.sleep(0.03)

    def use(self, url, settings):
        settings.REDIS_URL = url
        self.watch._client.close()
        self.watch._client = broker_watch.broker.connect()

    @property
    def is_away(self):
        return self.table.has(Flag.OUTAGE)


@pytest.fixture
def watched(servers, settings, monkeypatch):
    settings.WORKER_DEAF_AFTER = timedelta(seconds=0.05)
    monkeypatch.setattr(broker_watch, "AWAY_AFTER_S", 0.05)
    monkeypatch.setattr(broker_watch, "BACK_AFTER_S", 0.05)
    monkeypatch.setattr(canary, "_heard_at", None)
    made = Watched()
    yield made
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(canary.queue_of(made.identity))
    made.watch._client.close()


def hear(monkeypatch):
    monkeypatch.setattr(canary, "_heard_at", time.monotonic())


def test_a_worker_that_ends_leaves_nothing_in_the_broker(
    watched, settings, monkeypatch
):
    queue = canary.queue_of(watched.identity)
    monkeypatch.setattr(worker, "_identity", watched.identity)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        # As Celery puts back what comes while its consumer ends: without an end.
        client.lpush(queue, "put back")
        worker_shutdown.send(sender=None)
        assert not client.exists(queue)


def test_who_hears_nothing_though_the_broker_answers_is_deaf(watched):
    watched.look()
    assert watched.deaf > 0


def test_who_hears_is_not_deaf(watched, monkeypatch, settings):
    settings.WORKER_DEAF_AFTER = timedelta(seconds=60)
    hear(monkeypatch)
    watched.look()
    assert watched.deaf == 0


def test_a_full_worker_is_not_deaf_since_it_does_not_listen(watched):
    watched.is_full = True
    watched.look()
    assert watched.deaf == 0
    watched.is_full = False
    watched.look()
    assert watched.deaf > 0


def test_a_stopping_worker_is_not_deaf(watched):
    watched.table.set(Flag.STOPPING, to=True)
    watched.look()
    assert watched.deaf == 0


def test_without_a_broker_nobody_is_deaf_and_children_help_themselves(
    watched, settings
):
    here = settings.REDIS_URL
    watched.use(NOBODY, settings)
    watched.look(4)
    assert (watched.deaf, watched.is_away) == (0, True)
    settings.REDIS_URL = here


def test_the_broker_is_back_once_it_answers_and_we_hear_it(
    watched, settings, monkeypatch
):
    here = settings.REDIS_URL
    settings.WORKER_DEAF_AFTER = timedelta(seconds=60)
    watched.use(NOBODY, settings)
    watched.look(4)
    watched.use(here, settings)
    watched.look(4)
    assert watched.is_away  # it answers, but have we heard anything?
    hear(monkeypatch)
    watched.look(4)
    assert not watched.is_away


def test_of_a_canary_nothing_is_left_after_a_minute(watched, settings):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for _ in range(3):
            canary.sing(client, watched.identity)
        queue = canary.queue_of(watched.identity)
        assert client.llen(queue) == 1
        assert 0 < client.ttl(queue) <= 60


def test_a_worker_that_stops_in_between_puts_no_canary_back(watched, settings):
    queue = canary.queue_of(watched.identity)
    heard = []
    with redis.Redis.from_url(settings.REDIS_URL) as client, app.connection() as broker:
        take = Consumer(
            broker.channel(),
            [canary.consumed(watched.identity)],
            on_message=heard.append,
        )
        take.consume()
        canary.sing(client, watched.identity)
        broker.drain_events(timeout=5)
        broker.close()
        assert len(heard) == 1
        assert not client.exists(queue)
