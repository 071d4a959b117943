"""`manage.py bench engine`: what running workflows costs, beside a yardstick."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from apps.ops.bench import machine, peers
from apps.ops.bench.base import BenchError, Benchmark, Result, Say
from apps.ops.bench.doses import DOSES
from apps.ops.bench.floor import yardstick
from apps.ops.bench.measuring import summary
from apps.ops.bench.observer import Observer
from apps.ops.bench.stack import BenchStack

if TYPE_CHECKING:  # needs Django, which is set up once the servers run
    from apps.ops.bench.cases.base import Case

CASE_NAMES = ("short", "long", "idle", "http", "writes", "watched")
# For the clients of `watched`, who are one person.
SOCKETS = {"SOCKET_CONNECTIONS_PER_USER": "200"}
FLOOR = "floor"
GOALS = (
    # What, at least or at most, of the floor's figure (None: of one)
    ("short.executions_per_s", "at_least", 0.5, FLOOR),
    ("short.p50_ms", "at_most", 2.5, FLOOR),
    ("short.commits_per_execution", "at_most", 4.0, None),
    ("long.steps_per_s_from_submit", "at_least", 0.25, FLOOR),
    ("idle.p50_ms", "at_most", 1.6, FLOOR),
    ("http.errors", "at_most", 0.0, None),
    ("http.rush_errors", "at_most", 0.0, None),
    ("writes.commits_per_execution", "at_most", 13.0, None),
    ("watched.share", "at_least", 0.9, None),
    ("watched.lost", "at_most", 0.0, None),
)


class Engine(Benchmark):
    """The engine on a stack of its own, and Celery with PostgreSQL alone beside it."""

    summary = "executions and steps a second, latencies, commits; with a yardstick"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--case", choices=CASE_NAMES, action="append", help="only this; repeatable")
        add("--repeat", type=_positive, default=3, help="rounds; the median counts")
        add("--quick", action="store_true", help="tiny amounts: shows that it works")
        add("--no-floor", action="store_true", help="without the yardstick")
        add("--peers", type=Path, metavar="PLACE", help="other programs' figures")
        add("--dir", type=Path, help="where its data is written; the disk it measures")

    def run(self, options: argparse.Namespace, say: Say) -> Result:
        others = peers.read(options.peers) if options.peers else {}
        began, load_before = time.monotonic(), machine.load()
        result: Result = {
            "benchmark": "engine",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "repeat": options.repeat,
        }
        _check_directory(options.dir)
        with BenchStack(say, options.dir, SOCKETS) as stack:
            result["machine"] = machine.facts(stack.data_dir)
            result.update(_measure(stack, options, say))
        result["machine"] |= {"load_before": load_before, "load_after": machine.load()}
        result["peers"] = others
        known = {**others, FLOOR: peers.flat(result[FLOOR])}
        result["ratios"] = peers.ratios(result["cases"], known)
        result["goals"] = _goals(result["cases"], result["ratios"])
        result["failed"] = sorted(result["errors"])
        result["took_s"] = round(time.monotonic() - began, 1)
        return result

    def show(self, result: Mapping[str, Any], console: Console) -> None:
        _show_figures(result, console)
        _show_goals(result, console)
        facts, rest = result["machine"], result["idle_stack"]
        console.print(
            f"{facts['cores']} cores, load {facts['load_before'][0]} before and"
            f" {facts['load_after'][0]} after, {facts['fdatasyncs_per_s']} fdatasync/s"
            f" on {facts['filesystem']}; the idle stack commits {rest['commits_per_s']}"
            f" times a second and uses {rest['cpu_percent']} % of a core.",
            style="dim",
        )
        for case, message in result["errors"].items():
            console.print(f"{case}: {message}", style="red", markup=False)


BENCHMARK = Engine()


def _positive(text: str) -> int:
    if not 1 <= int(text) <= 100:
        raise ValueError(text)
    return int(text)


def _check_directory(directory: Path | None) -> None:
    if directory is not None and not directory.is_dir():
        raise BenchError(f"{directory} is no directory")


def _measure(stack: BenchStack, options: argparse.Namespace, say: Say) -> Result:
    dose_name = "quick" if options.quick else "full"
    floor: dict[str, Any] = {}
    if not options.no_floor:
        say("floor: Celery and PostgreSQL alone")
        floor = yardstick.measure(stack, dose_name, options.repeat)
    stack.prepare_django()
    stack.start_platform()
    from apps.ops.bench.cases import CASES
    from apps.ops.bench.cases.world import World

    observer = Observer(stack.superuser_url)
    try:
        world = World(stack, observer, DOSES[dose_name])
        say("the idle stack")
        rest = world.measure_rest()
        wanted = options.case or CASE_NAMES
        chosen = [case(world) for case in CASES if case.name in wanted]
        done, errors = _run_cases(chosen, options.repeat, say)
        redis = stack.redis_version()
        versions = machine.versions(postgresql=observer.version(), redis_server=redis)
    finally:
        observer.close()
    return {
        "versions": versions,
        "dose": dose_name,
        "idle_stack": rest,
        "cases": done,
        FLOOR: floor,
        "errors": errors,
    }


def _run_cases(
    cases: "list[Case]", repeat: int, say: Say
) -> tuple[dict[str, Any], dict[str, str]]:
    """Figures by case, and what went wrong with those that have none."""
    done: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for case in cases:
        say(f"case {case.name}")
        try:
            case.warm_up()
            done[case.name] = summary([case.once() for _ in range(repeat)])
        except (BenchError, TimeoutError) as error:
            errors[case.name] = str(error)
    return done, errors


def _goals(
    cases: Mapping[str, Mapping[str, Any]], ratios: Mapping[str, Mapping[str, float]]
) -> list[Result]:
    """Each goal that has a figure, and whether it is met."""
    figures, goals = peers.flat(cases), []
    for name, bound, limit, of in GOALS:
        value = ratios.get(name, {}).get(of) if of else _median(figures, name)
        if value is None:
            continue
        met = value >= limit if bound == "at_least" else value <= limit
        goals.append({"figure": name, "of": of, bound: limit, "is": value, "met": met})
    return goals


def _median(figures: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    return figures[name]["median"] if name in figures else None


def _show_figures(result: Mapping[str, Any], console: Console) -> None:
    names = [FLOOR, *result["peers"]]
    title = r"Median \[min .. max]; the last columns: ours divided by theirs"
    table = Table(title=title)
    table.add_column("figure")
    for name in ("platform", *names):
        table.add_column(name, justify="right", overflow="fold")
    for key, one in peers.flat(result["cases"]).items():
        ratios = result["ratios"].get(key, {})
        figure = f"{one['median']:g} [{one['min']:g} .. {one['max']:g}]"
        cells = [f"x {ratios[name]:g}" if name in ratios else "" for name in names]
        table.add_row(key, figure.replace("[", r"\["), *cells)
    console.print(table)


def _show_goals(result: Mapping[str, Any], console: Console) -> None:
    for goal in result["goals"]:
        bound = "at_least" if "at_least" in goal else "at_most"
        sign = ("≥" if bound == "at_least" else "≤") + f" {goal[bound]:g}"
        of = f" x {goal['of']}" if goal["of"] else ""
        mark = "[green]met[/]" if goal["met"] else "[red]missed[/]"
        console.print(f"{mark:<18} {goal['figure']} {sign}{of}: {goal['is']:g}")
