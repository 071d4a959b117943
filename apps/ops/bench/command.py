"""`manage.py bench NAME`: one benchmark, one JSON object on standard output."""

import argparse
import json
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from apps.ops.bench.base import BenchError, Benchmark, find, names
from apps.ops.devstack.errors import StackError


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark; the exit code: 0, 1 when it failed, 130 when stopped."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        benchmark = _chosen(arguments)
        options = _parse(benchmark, arguments)
        began = time.monotonic()

        def say(text: str) -> None:
            errors.print(f"[dim]{time.monotonic() - began:6.1f} s[/] {text}")

        result = benchmark.run(options, say)
    except StackError as error:
        errors.print("error:", str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped; nothing of it is left.")
        return 130
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        benchmark.show(result, Console(highlight=False))
    return 1 if result.get("failed") else 0


def _chosen(arguments: Sequence[str]) -> Benchmark:
    if not arguments or arguments[0].startswith("-"):
        known = "\n".join(f"  {name:<12}{find(name).summary}" for name in names())
        usage = f"usage: manage.py bench NAME [--json] [options]\n\n{known}"
        if arguments and arguments[0] in {"-h", "--help"}:
            sys.stdout.write(usage + "\n")
            raise SystemExit(0)
        raise BenchError(usage)
    return find(arguments[0])


def _parse(benchmark: Benchmark, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        f"manage.py bench {arguments[0]}", description=benchmark.summary
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, no table")
    benchmark.add_arguments(parser)
    return parser.parse_args(list(arguments[1:]))
