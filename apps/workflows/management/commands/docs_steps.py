"""`manage.py docs_steps`: write the step reference, or check that it is current."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.steps.docs import reference


class Command(BaseCommand):
    """Makes docs/steps.md from the step types."""

    help = "Write docs/steps.md from the step types; --check fails when it is stale."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing")
        parser.add_argument("--output", type=Path, help="another file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["output"] or Path(settings.BASE_DIR) / "docs" / "steps.md"
        text = reference()
        is_current = path.exists() and path.read_text(encoding="utf-8") == text
        if options["check"] and not is_current:
            raise CommandError(f"{path} is stale: run `manage.py docs_steps`")
        if not is_current:
            path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path} is current")
