"""`manage.py prune`: delete what has been kept long enough."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.executions.retention import Total, prune, sweep_files


class Command(BaseCommand):
    """One pass of what beat does every hour; may run beside it."""

    help = "Delete ended executions and events that are older than is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        total = prune(dry_run=options["dry_run"])
        if options["dry_run"]:
            self.stdout.write(f"due: {_counts(total)}")
            return
        files = total.files + sweep_files()
        self.stdout.write(
            f"deleted: {_counts(total)}, {total.records} step records, {files} files"
        )


def _counts(total: Total) -> str:
    return (
        f"{total.executions} executions, {total.events} events, "
        f"{total.sessions} browser sessions"
    )
