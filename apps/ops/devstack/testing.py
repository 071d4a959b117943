"""`manage.py test`: the whole suite on real servers.

In parallel, but for the faults: those break a platform of their own, need the whole
machine for it, and come last.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.ops.devstack import browser

FAULTS = ("-n", "0", "-m", "faults and not long", "tests/faults")
_SELECTS = ("-m", "-k", "--lf", "--last-failed", "--ff", "--co", "--collect-only")
_ONE_PROCESS = ("-n", "--numprocesses", "--pdb")


def main(arguments: list[str]) -> int:
    """Run pytest; its exit code.

    Args:
        arguments: handed on to pytest; `-n 0` runs in one process. The faults are
            played when they do not say which tests to run.
    """
    browser.ensure()
    # A file's tests stay together: they share its browser or its running stack.
    parallel = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    if any(one.startswith(_ONE_PROCESS) for one in arguments):
        parallel = []
    code = _pytest(*parallel, *arguments)
    if code == 0 and is_whole(arguments):
        print("\nNow the faults, one after the other:", flush=True)  # noqa: T201
        code = _pytest(*_without_processes(arguments), *FAULTS)
    return code


def is_whole(arguments: Sequence[str]) -> bool:
    """Whether these options of pytest leave it at the whole suite."""
    names_tests = any(Path(one.partition("::")[0]).exists() for one in arguments)
    return not names_tests and not any(one.startswith(_SELECTS) for one in arguments)


def _without_processes(arguments: Sequence[str]) -> list[str]:
    """The options without those that say how many processes there are."""
    kept, skip = [], False
    for one in arguments:
        if skip:
            skip = False
        elif one in {"-n", "--numprocesses"}:
            skip = True
        elif not one.startswith(("-n", "--numprocesses")):
            kept.append(one)
    return kept


def _pytest(*arguments: str) -> int:
    # The tests' conftest makes the environment before Django reads its settings.
    dropped = "DJANGO_SETTINGS_MODULE"
    environment = {name: one for name, one in os.environ.items() if name != dropped}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        env={**environment, "RPA_BOOTSTRAP": "0"},
    )
    # Ctrl-C reaches pytest by itself, and it is pytest that cleans up.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, told)
