"""Processes of the platform, kept running as a container runtime would keep them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from apps.ops.devstack.processes import child_setup

ROOT = Path(__file__).resolve().parents[2]
LOOK_EVERY_S = 0.1
RESTART_AFTER_S = 1.0
GRACE_S = 30.0


@dataclass
class Program:
    """One `manage.py …` process in a session of its own.

    Attributes:
        is_wanted: whether the keeper starts it again when it ends.
        restarts: how often the keeper did.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    restarts: int = 0
    ended_at: float | None = None

    def start(self) -> None:
        """Start the process."""
        self.is_wanted, self.ended_at = True, None
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *self.arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=child_setup(death_signal=signal.SIGKILL),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process itself lives."""
        return self.process is not None and self.process.poll() is None

    def family(self) -> list[psutil.Process]:
        """It and all of its session: its children may outlive it."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                is_dead = process.status() == psutil.STATUS_ZOMBIE
                if os.getsid(process.pid) == self.pid and not is_dead:
                    found.append(process)
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all of its session."""
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def kill(self) -> None:
        """`docker kill`: it and all of its session; the keeper may start it again."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(10)

    def stop(self, within_s: float = GRACE_S) -> None:
        """`docker stop`: SIGTERM to it alone, then kill what is left."""
        self.is_wanted = False
        if self.process is None:
            return
        if self.is_running:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(within_s)
        self.kill()


@dataclass
class Keeper:
    """Starts programs again that end though they are wanted (`restart: always`)."""

    programs: list[Program] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, program: Program) -> Program:
        """Keep it running from now on."""
        self.programs.append(program)
        return program

    def forget(self, program: Program) -> None:
        """Stop it for good."""
        with self._looking:
            program.is_wanted = False
            self.programs.remove(program)
        program.stop()

    def start(self) -> None:
        """Begin to look."""
        # One thread starts all restarted programs and outlives them: on Linux a
        # child is bound to the life of the thread that started it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill them all and stop looking."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(10)
        for program in self.programs:
            program.is_wanted = False
            if program.process is not None:
                program.kill()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            with self._looking:
                for program in self.programs:
                    self._look_at(program)

    def _look_at(self, program: Program) -> None:
        if program.is_running or not program.is_wanted or program.process is None:
            return
        now = time.monotonic()
        if program.ended_at is None:
            program.ended_at = now
            # As with a container: what it has started does not outlive it.
            program.signal(signal.SIGKILL)
        elif now - program.ended_at > RESTART_AFTER_S:
            program.restarts += 1
            program.start()
