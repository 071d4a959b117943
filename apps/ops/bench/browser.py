"""`manage.py bench browser`: isolated pages, the demo's challenge, and growth."""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from apps.ops.bench import machine
from apps.ops.bench.base import BenchError, Benchmark, Result, Say
from apps.ops.bench.pages import platform, ways
from apps.ops.bench.pages.site import serving
from apps.ops.devstack import browser as programs


class Browser(Benchmark):
    """A new isolated session to its first page, beside other ways to get there.

    Then on a stack of its own, as executions: the demo's challenge, and hundreds of
    executions through one child of a worker.
    """

    summary = "isolated sessions, the demo's challenge, memory and growth"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--samples", type=int, default=20, help="of each way to a first page")
        add("--challenges", type=int, default=5, help="of each way; 0: none")
        add("--executions", type=int, default=500, help="in a row; 0: none")

    def run(self, options: argparse.Namespace, say: Say) -> Result:
        found = programs.find()
        if found is None:
            raise BenchError("no Chrome or Chromium is on this machine")
        result: Result = {
            "benchmark": "browser",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load": machine.load(),
            "samples": options.samples,
        }
        with serving() as url:
            result |= ways.measure(found, url, options.samples, say)
        if options.challenges or options.executions:
            result |= platform.measure(options, say)
        result["load_after"] = machine.load()
        return result

    def show(self, result: Mapping[str, Any], console: Console) -> None:
        for way, one in result["ways"].items():
            if not one:
                console.print(f"{way:<12} not here")
                continue
            shown = f"{one['p50_ms']:g} [{one['min_ms']:g} .. {one['max_ms']:g}] ms"
            console.print(f"{way:<12} {shown}", markup=False)
        if plain := result.get("challenge", {}).get("selenium"):
            console.print(f"challenge by Selenium alone {plain['p50_s']:g} s")
        console.print(f"{result['memory_per_context_mib']} MiB an open context")
        for text, is_met in _judged(result):
            console.print(f"[{'green]met' if is_met else 'red]missed'}[/]: {text}")


BENCHMARK = Browser()


def _judged(result: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Each goal as a line, and whether it is met."""
    lines = [
        (f"{goal['of']} {goal['is']:g} ≤ {goal['at_most']}", goal["met"])
        for goal in result["goals"]
    ]
    for way, one in result.get("challenge", {}).items():
        if "met" in one:
            text = f"challenge by {way} {one['p50_s']:g} s ≤ {one['at_most_s']:g} s"
            lines.append((text, one["met"]))
    if soak := result.get("soak"):
        text = f"growth over {soak['executions']} executions {soak['growth']}"
        lines.append((f"{text} ≤ {soak['at_most']}", soak["met"]))
        lines.append((f"{len(soak['leaked'])} leaked processes", not soak["leaked"]))
    return lines
