"""Plays faults and writes the table: `manage.py faults [F01 …] [--doses full]`."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults import report, stack
from tests.faults.case import Dose, Fault, matrix
from tests.faults.report import Row


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser("manage.py faults", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="F01", help="all, unless named")
    parser.add_argument("--doses", choices=("short", "full"), default="full")
    parser.add_argument(
        "--keep-logs", type=Path, metavar="DIR", help="where logs of broken runs go"
    )
    parser.add_argument(
        "--no-write", action="store_true", help="leave docs/faults.md as it is"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Play them one after the other; 1 when one is broken."""
    options = parse(arguments)
    known = matrix()
    if unknown := set(options.faults) - set(known):
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    wanted = [known[number] for number in options.faults or known]
    rows: list[Row] = []
    for row, versions in played(wanted, options.doses, options.keep_logs):
        rows.append(row)
        say(row)
        if not options.no_write:
            report.write([row], versions)
    broken = [row.fault.number for row in rows if not row.is_good]
    print(f"{len(rows)} played, broken: {', '.join(broken) or 'none'}")  # noqa: T201
    return 1 if broken else 0


def played(
    faults: Sequence[Fault], dose: Dose, logs: Path | None
) -> Iterator[tuple[Row, str]]:
    """Each fault's row; a new platform after each that left it broken."""
    left = list(faults)
    while left:
        with stack.running() as platform:
            versions = platform.versions()
            is_whole = True
            while left and is_whole:
                fault = left.pop(0)
                row = report.play(fault, platform, dose)
                if not row.is_good and logs is not None:
                    platform.keep_logs(logs / fault.number)
                yield row, versions
                is_whole = row.is_good and not row.not_run and heals(platform)


def heals(platform: stack.Stack) -> bool:
    """Whether the platform could be made as it was."""
    try:
        platform.heal()
    except (TimeoutError, OSError, RuntimeError) as error:
        print(f"a new platform is needed: {error}")  # noqa: T201
        return False
    return True


def say(row: Row) -> None:
    """Tell what became of a fault."""
    state = "not run" if row.not_run else "holds" if row.is_good else "BROKEN"
    recovered = "" if row.recovered_s is None else f", back in {row.recovered_s:.1f} s"
    head = f"{row.fault.number} {state} in {row.took_s:.0f} s{recovered}"
    found = row.verdict
    print(  # noqa: T201
        f"{head}: {found.submitted} submitted, {found.completed} completed,"
        f" {len(found.lost)} lost, {len(found.doubled)} doubled,"
        f" {len(found.unknown)} unknown. {row.fault.title}",
        *(f"    {text}" for text in (*row.facts, row.not_run, *row.problems) if text),
        sep="\n",
        flush=True,
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        code = main(sys.argv[1:])
        sys.stdout.flush()
        os._exit(code)  # threads that wait for what was killed must not hold us up
