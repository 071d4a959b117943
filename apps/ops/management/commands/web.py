"""`manage.py web`: HTTP and WebSocket."""

import logging
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections

from apps.core import tenancy
from apps.realtime.limits import FRAME_BYTES

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Serve the ASGI application until SIGTERM."""

    help = "Serve HTTP and WebSocket."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="processes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenancy.assert_bound_role()
        except tenancy.UnsafeRole as error:
            raise CommandError(str(error)) from error
        except OperationalError:
            # Requests get 503 until it is there; workers check the role too.
            log.warning("database does not answer")
        connections.close_all()
        uvicorn.run(
            "rpa.asgi:application",
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            lifespan="off",
            # Behind a proxy the client's address comes from its header; which
            # proxies are believed is FORWARDED_ALLOW_IPS.
            proxy_headers=True,
            server_header=False,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            ws="apps.realtime.serving:DirectWebSocket",
            ws_max_size=FRAME_BYTES,
            # We ping by messages, which say more; see `apps.realtime.connection`.
            ws_ping_interval=None,
            # Frames are made once for all clients, and so alike for all.
            ws_per_message_deflate=False,
        )
