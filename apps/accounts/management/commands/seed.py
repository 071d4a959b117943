"""`manage.py seed`: the first user and organization, once."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.services.seeding import seed
from apps.core.errors import Invalid


class Command(BaseCommand):
    """Makes the operator's account unless it is there already."""

    help = "Make the first user (an operator of the admin) and organization, once."

    def add_arguments(self, parser: CommandParser) -> None:
        env = os.environ.get
        parser.add_argument("--email", default=env("SEED_EMAIL", ""))
        parser.add_argument(
            "--password",
            default=env("SEED_PASSWORD", ""),
            help="better given in SEED_PASSWORD: arguments show in process lists",
        )
        parser.add_argument(
            "--organization", default=env("SEED_ORGANIZATION", "My organization")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["email"] or not options["password"]:
            raise CommandError("Give --email and --password (SEED_EMAIL, …).")
        try:
            is_new = seed(
                email=options["email"],
                password=options["password"],
                organization=options["organization"],
            )
        except Invalid as error:
            reasons = "; ".join(str(entry["message"]) for entry in error.errors)
            raise CommandError(f"{error} {reasons}") from error
        said = "made" if is_new else "is there already"
        self.stdout.write(f"Account {options['email']} {said}.")
