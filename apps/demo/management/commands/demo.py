"""`manage.py demo`: run the demo workflow against our own demo site and show it."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.panel import Panel

from apps.accounts.models import Organization, User
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import RpaError
from apps.core.types import JsonObject
from apps.core.yaml_documents import load_yaml
from apps.executions import lines
from apps.executions.follow import follow, status
from apps.executions.models import Execution
from apps.executions.services import execution_start
from apps.workflows.services import workflow_import

DEMO_FILE = Path(settings.BASE_DIR) / "templates_seed" / "demo.yaml"


class Command(BaseCommand):
    """Import the demo workflow, run it on the workers, print its steps."""

    help = "Run the demo: a robot fills ten forms of our own demo site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default=os.environ.get("DEMO_EMAIL", ""))

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.RPA_DEMO:
            raise CommandError(
                "The demo site is off. Set RPA_DEMO=1 (not for live use)."
            )
        console = lines.console()
        console.print("A robot downloads an Excel file and fills ten forms from it.")
        try:
            execution = _start(options["email"])
        except RpaError as error:
            raise CommandError(f"{error} {getattr(error, 'errors', '')}") from error
        for record in follow(execution):
            if record.status != "running":
                console.print(lines.step_line(record))
        ended = status(execution)
        console.print(lines.end_line(ended))
        console.print(Panel(_summary(ended), expand=False, border_style="green"))
        if ended.status != Execution.COMPLETED:
            raise SystemExit(1)


def _start(email: str) -> Execution:
    viewer = _viewer(email)
    document, _ = load_yaml(DEMO_FILE.read_text())
    with tenancy.tenant(viewer.organization_id):
        workflow, _ = workflow_import(by=viewer, document=document, replace=True)
        return execution_start(
            workflow=workflow,
            inputs={"base_url": settings.PUBLIC_URL},
            trigger="cli",
            by=viewer,
        )


def _viewer(email: str) -> Viewer:
    with tenancy.system():
        organization = Organization.objects.order_by("created_at").first()
        user = User.objects.filter(email__iexact=email).first() if email else None
    if organization is None:
        raise CommandError("There is no organization yet: run manage.py seed first.")
    platform = Viewer.platform(organization.id)
    return Viewer(organization_id=organization.id, role=platform.role, user=user)


def _summary(execution: Execution) -> str:
    score: JsonObject = execution.outputs.get("score") or {}
    said = execution.reason or execution.status
    if score:
        said = (
            f"{score['right']} of {score['total']} fields right, {score['seconds']} s"
        )
    link = f"{settings.PUBLIC_URL}/executions/{execution.id}"
    return f"{said}\n{link}"
