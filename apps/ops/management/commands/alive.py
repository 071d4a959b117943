"""`manage.py alive`: whether a worker of this host says that it works."""

import socket
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models.functions import Now

from apps.executions.models import Worker


class Command(BaseCommand):
    """Exit code 0 when a worker of this host was seen lately, for health checks."""

    help = "Tell whether a worker of this host is alive."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--within", type=int, default=90, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        since = Now() - timedelta(seconds=options["within"])
        host = socket.gethostname()
        if not Worker.objects.filter(host=host, last_seen_at__gt=since).exists():
            raise CommandError(f"no worker of {host} was seen lately")
