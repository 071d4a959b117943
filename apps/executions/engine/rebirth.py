"""A worker that starts itself anew, in the same process and as the same worker.

For one that is deaf: its main thread may hang in the dead connection, so nothing is
asked of it. `exec` in place can never make two workers out of one.
"""

import contextlib
import logging
import os
import signal
import sys
import time
from typing import NoReturn

import psutil

from apps.executions.engine.slots import Flag, SlotTable
from apps.executions.engine.supervisor import KILL_AFTER_S, Supervisor
from apps.executions.engine.workers import SAME_WORKER

log = logging.getLogger(__name__)


def start_anew(supervisor: Supervisor, table: SlotTable) -> NoReturn:
    """Hand back what runs, as at a shutdown, then begin from the command line.

    What is not handed back in time goes back to the queue when the new self finds
    its process gone.
    """
    log.error("worker hears nothing from the broker; starting anew")
    table.set(Flag.STOPPING, to=True)
    supervisor.hand_back_all()
    give_up = time.monotonic() + KILL_AFTER_S + 2
    while table.occupants() and time.monotonic() < give_up:
        time.sleep(0.1)
    os.environ[SAME_WORKER] = str(supervisor.identity.id)
    _exec()


def _exec() -> NoReturn:
    try:
        _end_children()
        # What the new program would inherit: open files and blocked signals.
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):
                    os.set_inheritable(int(name), False)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        sys.stdout.flush()
        sys.stderr.flush()
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execv(sys.executable, command)  # noqa: S606  # our own command line
    except BaseException:
        log.exception("worker cannot start anew")
        # Its service manager can; going on deaf would help nobody.
        os._exit(1)


def _end_children() -> None:
    """Kill the children with what is below them.

    The kernel ends one that is forked in between, by its parent-death signal.
    """
    children = psutil.Process().children()
    for child in children:
        # Each leads a group of its own, with its browser.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    psutil.wait_procs(children, timeout=5)


def reap_former_self() -> None:
    """Collect the dead children of the program that this process was before."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
