"""`manage.py faults`: plays the faults of `tests/faults` on a stack of its own."""

import os
import sys
from pathlib import Path

from apps.ops.devstack import browser

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: list[str]) -> int:
    """Replace this process by the one that plays them.

    Args:
        arguments: handed on; names of faults, `--doses short|full`.
    """
    if not (ROOT / "tests" / "faults").is_dir():
        sys.exit(
            "error: the faults are part of the tests, which are not installed here"
        )
    browser.ensure()
    os.environ["RPA_BOOTSTRAP"] = "0"
    # The platform under test reads settings of its own.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    os.chdir(ROOT)
    command = [sys.executable, "-m", "tests.faults", *arguments]
    os.execv(command[0], command)  # noqa: S606
