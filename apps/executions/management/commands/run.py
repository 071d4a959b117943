"""`manage.py run FILE.yaml`: run a workflow file and watch its steps."""

import json
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from apps.accounts.models import Organization
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Invalid, RpaError
from apps.core.types import JsonObject
from apps.core.yaml_documents import load_yaml
from apps.executions import cancels, lines, services
from apps.executions.engine.workers import total_capacity
from apps.executions.follow import follow, status
from apps.executions.local import run_here
from apps.executions.models import Execution
from apps.workflows.services import workflow_import


class Command(BaseCommand):
    """Run a workflow file by the same engine that runs everything else."""

    help = "Run a workflow file and print its steps as they happen."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="workflow as YAML or JSON")
        parser.add_argument(
            "--input",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an input; the value is read as JSON if it is JSON, else as text",
        )
        parser.add_argument(
            "--label",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a label of the execution, beside those of the workflow",
        )
        parser.add_argument(
            "--local", action="store_true", help="run in this process, without workers"
        )
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument(
            "--organization", help="slug of the organization; the first by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = lines.console()
        try:
            execution = _start(options)
        except Invalid as error:
            faults = "\n".join(
                f"  {fault.get('path')}: {fault.get('message')}"
                for fault in error.errors
            )
            raise CommandError(f"{error}\n{faults}") from error
        except RpaError as error:
            raise CommandError(str(error)) from error
        if not options["local"] and total_capacity() == 0:
            console.print(
                "No worker is running: it waits. Start one with manage.py worker, or "
                "give --local.",
                style="yellow",
            )
        console.print(f"execution {execution.id}", style="dim")
        try:
            _watch(execution, is_local=options["local"])
        except KeyboardInterrupt:
            with tenancy.tenant(execution.organization_id):
                cancels.execution_cancel(execution=execution, by=None)
            console.print("cancelled", style="magenta")
        ended = status(execution)
        console.print(lines.end_line(ended))
        if ended.status != Execution.COMPLETED:
            raise SystemExit(1)


def _start(options: dict[str, Any]) -> Execution:
    organization = _organization(options["organization"])
    viewer = Viewer.platform(organization.id)
    try:
        document, _ = load_yaml(options["file"].read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read {options['file']}: {error}") from error
    with tenancy.tenant(organization.id):
        workflow, _ = workflow_import(by=viewer, document=document, replace=True)
        return services.execution_start(
            workflow=workflow,
            inputs=_inputs(options["input"]),
            labels=dict(_pair(one, "--label") for one in options["label"]),
            trigger="cli",
            by=viewer,
            dry_run=options["dry_run"],
        )


def _organization(slug: str | None) -> Organization:
    with tenancy.system():
        found = Organization.objects.order_by("created_at")
        organization = (found.filter(slug=slug) if slug else found).first()
    if organization is None:
        raise CommandError(
            f"There is no organization {slug}." if slug else "Run manage.py seed first."
        )
    return organization


def _inputs(given: list[str]) -> JsonObject:
    inputs: JsonObject = {}
    for one in given:
        name, value = _pair(one, "--input")
        try:
            inputs[name] = json.loads(value)
        except ValueError:
            inputs[name] = value
    return inputs


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"{option} takes NAME=VALUE, not {text!r}.")
    return name, value


def _watch(execution: Execution, *, is_local: bool) -> None:
    if not is_local:
        _print_steps(execution)
        return
    # Signals reach the main thread only, so that is where the steps run.
    printer = threading.Thread(target=_print_and_close, args=[execution], daemon=True)
    printer.start()
    run_here(execution)
    printer.join(timeout=10)


def _print_and_close(execution: Execution) -> None:
    try:
        _print_steps(execution)
    finally:
        connections.close_all()


def _print_steps(execution: Execution) -> None:
    console = lines.console()
    for record in follow(execution):
        if record.status != "running":
            console.print(lines.step_line(record))
