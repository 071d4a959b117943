"""Whether the platform works: asked by load balancers, operators and `up`."""

import logging
from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django_celery_beat.models import PeriodicTask

from apps.core import heartbeats
from apps.core.types import JsonObject
from apps.executions import selectors
from apps.executions.engine import workers
from apps.realtime import presence

log = logging.getLogger(__name__)

SCHEDULER_SILENT_AFTER = timedelta(seconds=20)


def health() -> tuple[JsonObject, bool]:
    """`{status, services}` and whether requests can be accepted.

    A broker or scheduler that is down, or no worker, makes the state `degraded`:
    executions are accepted and wait. Without the database nothing can be accepted.
    """
    database = _database()
    broker = _broker()
    services: JsonObject = {"database": database, "broker": broker}
    if database["ok"]:
        services |= {
            "workflowEngine": selectors.engine_status(),
            "scheduler": _scheduler(),
            "workers": {"alive": workers.alive_count()},
            "websocket": presence.totals() if broker["ok"] else presence.UNKNOWN,
        }
    return {"status": _status(services), "services": services}, bool(database["ok"])


def _status(services: JsonObject) -> str:
    if not services["database"]["ok"]:
        return "down"
    is_whole = (
        services["broker"]["ok"]
        and services["scheduler"]["isRunning"]
        and services["workers"]["alive"]
    )
    return "ok" if is_whole else "degraded"


def _database() -> JsonObject:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("database does not answer", extra={"error": repr(error)[:200]})
        return {"ok": False}
    return {"ok": True}


def _broker() -> JsonObject:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    )
    try:
        client.ping()
    except redis.RedisError as error:
        log.warning("broker does not answer", extra={"error": repr(error)[:200]})
        return {"ok": False}
    finally:
        client.close()
    return {"ok": True}


def _scheduler() -> JsonObject:
    return {
        "isRunning": heartbeats.is_alive("scheduler", within=SCHEDULER_SILENT_AFTER),
        "scheduledJobs": PeriodicTask.objects.filter(enabled=True).count(),
    }
