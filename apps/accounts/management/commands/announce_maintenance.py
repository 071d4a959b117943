"""`manage.py announce_maintenance`: tell every organization."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.services.maintenance import announce
from apps.core.errors import Invalid


class Command(BaseCommand):
    """Writes the event `system-maintenance` for every organization."""

    help = "Announce maintenance to every organization."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("message")
        for name in ("--starts-at", "--ends-at"):
            parser.add_argument(name, type=_moment, help="2026-01-31T09:00:00Z")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = announce(
                message=options["message"],
                starts_at=options["starts_at"],
                ends_at=options["ends_at"],
            )
        except Invalid as error:
            reasons = "; ".join(str(entry["message"]) for entry in error.errors)
            raise CommandError(reasons) from error
        self.stdout.write(f"{told} organizations are told.")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment
