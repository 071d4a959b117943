"""What runs as real executions: on a stack of its own, whose worker has one child."""

import argparse

from apps.ops.bench.base import BenchError, Result, Say
from apps.ops.bench.doses import FULL
from apps.ops.bench.observer import Observer
from apps.ops.bench.pages.site import serving
from apps.ops.bench.stack import BenchStack
from apps.ops.devstack import browser


def measure(options: argparse.Namespace, say: Say) -> Result:
    """The demo's challenge and the long run, as far as they are wanted."""
    # Tells the worker which browser it is, and that root has no sandbox.
    found = browser.ensure()
    if found is None:
        raise BenchError("no Chrome or Chromium is on this machine")
    result: Result = {}
    with serving() as url, BenchStack(say, more=_settings(url)) as stack:
        stack.prepare_django()
        stack.start_platform()
        from apps.ops.bench.cases.world import World
        from apps.ops.bench.pages import challenge, soak

        observer = Observer(stack.superuser_url)
        try:
            world = World(stack, observer, FULL)
            if options.challenges:
                say("the demo's challenge")
                result["challenge"] = challenge.measure(
                    world, found, options.challenges
                )
            if options.executions:
                say(f"{options.executions} executions, one after the other")
                result["soak"] = soak.measure(world, url, options.executions, say)
        finally:
            observer.close()
    if options.executions:
        result["soak"]["leaked"] = soak.leftovers(result["soak"].pop("child"))
    return result


def _settings(url: str) -> dict[str, str]:
    return {
        "RPA_DEMO": "1",
        "EGRESS_ALLOW": url.split("/")[2],
        "WORKFLOW_MAX_CONCURRENT": "1",
        # One browser for all: another one would hide what the first had grown by.
        "BROWSER_MAX_CONTEXTS": "100000",
    }
