"""`manage.py worker`: runs executions."""

import os
import warnings
from typing import Any

from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # stubs lack it
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.executions.engine import rebirth
from apps.executions.engine.broker import queue_name
from apps.executions.engine.worker import TABLE
from apps.steps.browser.remote.place import problems
from rpa.celery import app


class Command(BaseCommand):
    """Run a Celery worker of one pool until SIGTERM."""

    help = "Run executions of a worker pool."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pool", default="default", help="worker pools, by comma")
        parser.add_argument("--concurrency", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        # Development may run as root; the danger it names, pickle, is not accepted.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        _refuse_unsafe_browsers()
        rebirth.reap_former_self()
        pool = ",".join(_names(options["pool"]))
        # The supervisor says which pool this worker serves.
        os.environ["RPA_POOL"] = pool
        queues = ",".join(queue_name(one) for one in pool.split(","))
        concurrency = options["concurrency"] or settings.WORKFLOW_MAX_CONCURRENT
        if not 0 < concurrency <= TABLE.capacity:
            raise CommandError(f"--concurrency is from 1 to {TABLE.capacity}")
        app.worker_main(
            [
                "worker",
                "--pool=prefork",
                f"--concurrency={concurrency}",
                f"--queues={queues}",
                # Two workers of one pool on one host need names of their own.
                f"--hostname={pool.replace(',', '+')}-{os.getpid()}@%h",
                f"--loglevel={settings.LOG_LEVEL}",
                "-Ofair",
                # Workers know of each other by the database.
                "--without-gossip",
                "--without-mingle",
            ]
        )


def _refuse_unsafe_browsers() -> None:
    """Browsers elsewhere would find no way out, or strangers a way in."""
    wrong = problems(
        settings.SELENIUM_REMOTE_URL,
        listen=settings.EGRESS_PROXY_LISTEN,
        peers=settings.EGRESS_PROXY_PEERS,
        proxy_host=settings.EGRESS_PROXY_HOST,
    )
    if wrong:
        raise CommandError("; ".join(wrong))


def _names(pools: str) -> list[str]:
    """Pool names by comma, each once and in order: earlier ones are served first."""
    names = [name for one in pools.split(",") if (name := one.strip())]
    if not names:
        raise CommandError("--pool names no pool")
    return list(dict.fromkeys(names))
