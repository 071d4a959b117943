"""`manage.py doctor`: what is present, what is missing, and how to get it.

It needs no working settings, for those may be what is wrong.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.table import Table

from apps.ops.devstack import checks
from apps.ops.devstack.checks import Finding, State
from apps.ops.devstack.joining import take_addresses

ROOT = Path(__file__).resolve().parents[3]


class _Style(StrEnum):
    """How a state is shown."""

    OK = "[green]present[/]"
    WARNING = "[yellow]missing[/]"
    PROBLEM = "[bold red]needed[/]"


def main(arguments: Sequence[str]) -> int:
    """Print the findings; 1 when something that is needed is missing."""
    parser = argparse.ArgumentParser("manage.py doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".rpa")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    take_addresses(options.data_dir.resolve())
    findings = checks.all_findings(ROOT, options.data_dir.resolve(), options.port)
    healthy = all(finding.state is not State.PROBLEM for finding in findings)
    if options.json:
        _print_json(findings, healthy)
    else:
        Console().print(_table(findings))
    return 0 if healthy else 1


def _print_json(findings: Sequence[Finding], healthy: bool) -> None:
    rows = [dataclasses.asdict(finding) for finding in findings]
    json.dump({"healthy": healthy, "findings": rows}, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(title="What the platform finds here", title_justify="left")
    for column in ("Part", "State", "Found", "How to get it"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        remedy = "" if finding.state is State.OK else finding.remedy
        state = _Style[finding.state.name]
        table.add_row(finding.name, state, finding.found, remedy)
    return table
