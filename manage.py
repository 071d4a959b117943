#!/usr/bin/env python3
"""The one entry: `python3 manage.py up` needs nothing but Python."""

import os
import sys

from rpa import bootstrap


def main() -> None:
    bootstrap.ensure(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "up":
        # Starts the servers that Django's settings need, so it comes before Django.
        from apps.ops.devstack.up import main as up

        sys.exit(up(sys.argv[2:]))
    if command == "doctor":
        # Also says what is wrong when Django cannot start.
        from apps.ops.devstack.doctor import main as doctor

        sys.exit(doctor(sys.argv[2:]))
    if command == "bench":
        # Starts a stack of its own, so it comes before Django too.
        from apps.ops.bench.command import main as bench

        sys.exit(bench(sys.argv[2:]))
    if command == "test":
        from apps.ops.devstack.testing import main as test

        sys.exit(test(sys.argv[2:]))
    if command == "faults":
        from apps.ops.devstack.faulting import main as faults

        sys.exit(faults(sys.argv[2:]))
    from apps.ops.devstack.joining import join

    join()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
