"""Hundreds of executions through one child of a worker: what they leave behind."""

import contextlib
import statistics
import time
from typing import Any

import psutil

from apps.ops.bench.base import BenchError, Result, Say
from apps.ops.bench.cases.world import World
from apps.steps.browser.local import FOLDER
from apps.workflows.models import Workflow

# The first ones fill what stays: code, caches, connections, Chromium's own pools.
WARM_UP = 100
LOT = 100
MOST_GROWTH = 0.10
# Chromium ends processes that it needs no more, and frees memory, after a while.
_REST_S = 10.0
_LOOKS, _LOOK_EVERY_S = 5, 1.0
# A few show that it works; then nobody waits for Chromium.
_FEW = 10


def measure(world: World, url: str, executions: int, say: Say) -> Result:
    """Memory and processes of a child and its browser, before, meanwhile and after.

    Raises:
        BenchError: an execution failed, or the browser was replaced meanwhile, which
            would hide what it had grown by.
    """
    steps = _steps(url)
    workflow, warm_up = world.workflow(steps), min(WARM_UP, executions)
    done = _run(world, workflow, warm_up)
    child = _child(world.stack.pids()["worker"])
    browser = _browser(child)
    rest_s = _REST_S if executions > _FEW else 0.0
    course: list[Result] = [{"after": 0, **_look(child, rest_s)}]
    while done < warm_up + executions:
        done += _run(world, workflow, min(LOT, warm_up + executions - done))
        course.append({"after": done - warm_up, **_look(child, rest_s)})
        say(str(course[-1]))
    world.check(workflow, done, len(steps))
    if not browser.is_running():
        raise BenchError("the browser was replaced meanwhile")
    first, last = course[0], course[-1]
    growth = {
        name: round(last[name] / first[name] - 1, 3)
        for name in ("browser_rss_mib", "child_rss_mib")
    }
    return {
        "executions": executions,
        "warm_up": warm_up,
        "course": course,
        "growth": growth,
        "at_most": MOST_GROWTH,
        "met": max(growth.values()) <= MOST_GROWTH,
        "child": child.pid,
    }


def leftovers(child_id: int) -> list[str]:
    """Processes of a child's browsers that are still there."""
    mark, found = f"{FOLDER}{child_id}-", []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if mark in line:
                found.append(line)
    return found


def _steps(url: str) -> list[dict[str, Any]]:
    typed = {"target": "label=Name", "text": "{{ execution.id }}"}
    return [
        {"type": "navigate", "params": {"url": url}},
        {"type": "type", "params": typed},
        {"type": "screenshot", "params": {}},
        {"type": "click", "params": {"target": "text=Send"}},
        {"type": "extract_text", "params": {"target": "h1"}},
    ]


def _run(world: World, workflow: Workflow, count: int) -> int:
    for _ in range(count):
        world.start(workflow)
    world.wait_until_all_end(workflow)
    return count


def _child(worker_id: int) -> psutil.Process:
    """The worker's one child that has a browser."""
    for child in psutil.Process(worker_id).children():
        if _browsers(child):
            return child
    raise BenchError("no child of the worker has a browser")


def _browser(child: psutil.Process) -> psutil.Process:
    return _browsers(child)[0]


def _browsers(child: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [one for one in child.children() if "--user-data-dir" in _line(one)]
    return []


def _line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _look(child: psutil.Process, rest_s: float) -> Result:
    """At rest, with the next context ready; the median of a few looks."""
    time.sleep(rest_s)
    looks = []
    for _ in range(_LOOKS):
        looks.append(_now(child))
        time.sleep(min(_LOOK_EVERY_S, rest_s))
    return {name: statistics.median(one[name] for one in looks) for name in looks[0]}


def _now(child: psutil.Process) -> dict[str, float]:
    below = child.children(recursive=True)
    rss, own = 0, 0
    for process in below:
        with contextlib.suppress(psutil.Error):
            info = process.memory_info()
            rss += info.rss
            own += info.rss - getattr(info, "shared", 0)
    return {
        "browser_rss_mib": _mib(rss),
        "browser_own_mib": _mib(own),
        "child_rss_mib": _mib(child.memory_info().rss),
        "processes": len(below),
    }


def _mib(size: int) -> float:
    return round(size / 1024**2, 1)
