"""Supervises the Python snippets given as arguments, as a process of its own.

The supervisor ends everything below its process, so tests do not run it in theirs.
"""

import signal
import sys
import threading

from apps.ops.devstack.supervisor import Program, Supervisor


def show(name: str | None, line: str) -> None:
    sys.stdout.write(f"{name or 'supervisor'}: {line}\n")
    sys.stdout.flush()


def main() -> None:
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    supervisor = Supervisor(show)
    for number, snippet in enumerate(sys.argv[1:]):
        command = [sys.executable, "-u", "-c", snippet]
        supervisor.start(Program(f"p{number}", command))
    supervisor.run(until=asked.is_set)
    supervisor.stop(gentle_s=1)
    show(None, "stopped")


if __name__ == "__main__":
    main()
