"""`manage.py test`: the whole suite on real servers, in parallel."""

import os
import sys

from apps.ops.devstack import browser


def main(arguments: list[str]) -> int:
    """Replace this process by pytest.

    Args:
        arguments: handed on to pytest; `-n 0` runs in one process.
    """
    browser.ensure()
    # A file's tests stay together: they share its browser or its running stack.
    parallel = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    if any(a.startswith(("-n", "--numprocesses", "--pdb")) for a in arguments):
        parallel = []
    command = [sys.executable, "-m", "pytest", *parallel, *arguments]
    os.environ["RPA_BOOTSTRAP"] = "0"
    # The tests' conftest makes the environment before Django reads its settings.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    os.execv(command[0], command)  # noqa: S606
