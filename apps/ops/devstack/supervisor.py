"""Runs the platform's processes: starts, restarts, prefixes their logs, ends all."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import psutil

from apps.ops.devstack.processes import (
    become_subreaper,
    child_setup,
    descendants,
    output_lines,
)

TICK_S = 0.1
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 60.0
"""A process that lived this long is restarted at once, without a growing pause."""


class Show(Protocol):
    """Where lines go; `name` is the program, or None for the supervisor."""

    def __call__(self, name: str | None, line: str) -> None: ...


@dataclass(frozen=True)
class Program:
    """What runs.

    Attributes:
        restarts: whether it is started again when it ends; if not, its end is final.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    restarts: bool = True


@dataclass
class _Entry:
    program: Program
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    start_again_at: float | None = None
    pause_s: float = FIRST_PAUSE_S
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Keeps programs running until `stop()`.

    All methods belong to one thread, the main one: on Linux a child is bound to the
    life of the thread that started it.

    Args:
        show: gets every line that the programs print.
        spared: ids of processes below us that are somebody else's to end.
    """

    def __init__(
        self, show: Show, *, spared: Callable[[], Sequence[int]] = lambda: ()
    ) -> None:
        self.show = show
        self.spared = spared
        self._entries: dict[str, _Entry] = {}
        become_subreaper()

    def start(self, program: Program) -> None:
        """Start the program and keep it running from now on."""
        self._entries[program.name] = entry = _Entry(program)
        self._spawn(entry)

    def run(self, until: Callable[[], bool]) -> None:
        """Keep all programs running until the callable, asked often, says yes."""
        while not until():
            self.tick()
            time.sleep(TICK_S)

    def tick(self) -> None:
        """Look once: note who ended, start again who is due."""
        now = time.monotonic()
        for entry in self._entries.values():
            if entry.process is not None and entry.process.poll() is not None:
                self._note_end(entry, now)
            due = entry.start_again_at
            if entry.process is None and due is not None and due <= now:
                self._spawn(entry)
        self._collect_orphans()

    def exit_code(self, name: str) -> int | None:
        """How a program without restarts ended; None while it runs."""
        entry = self._entries[name]
        return entry.process.poll() if entry.process else None

    def pid(self, name: str) -> int | None:
        """The program's process id while it runs."""
        process = self._entries[name].process
        return process.pid if process and process.poll() is None else None

    def stop(self, *, gentle_s: float = 6.5, hard_s: float = 1.5) -> None:
        """End all programs and all they started; nothing of them is left.

        Args:
            gentle_s: how long they may finish what they do.
            hard_s: how long to wait for the killed ones to be gone.
        """
        below = self._ours()
        processes = [e.process for e in self._entries.values() if e.process]
        for process in processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + gentle_s
        while any(p.poll() is None for p in processes) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._kill([*below, *self._ours()], hard_s)
        for process in processes:
            process.wait()
        for entry in self._entries.values():
            for reader in entry.readers:
                reader.join(1)
        self._entries.clear()

    def _spawn(self, entry: _Entry) -> None:
        program = entry.program
        entry.started_at, entry.start_again_at = time.monotonic(), None
        entry.process = subprocess.Popen(
            list(program.command),
            env={**os.environ, **(program.environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            # Ctrl-C in the terminal is for us alone; we end the others in order.
            start_new_session=True,
            preexec_fn=child_setup(death_signal=signal.SIGTERM),
        )
        reader = threading.Thread(
            target=self._read, args=(program.name, entry.process), daemon=True
        )
        reader.start()
        entry.readers = [r for r in entry.readers if r.is_alive()] + [reader]

    def _read(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in output_lines(process):
            self.show(name, line)
        if process.stdout is not None:
            process.stdout.close()

    def _note_end(self, entry: _Entry, now: float) -> None:
        if entry.process is None or not entry.program.restarts:
            return
        code = entry.process.returncode
        # What it has started does not outlive it: a browser would be nobody's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(entry.process.pid, signal.SIGKILL)
        lived_s = now - entry.started_at
        if lived_s > STABLE_AFTER_S:
            entry.pause_s = FIRST_PAUSE_S
        entry.process, entry.start_again_at = None, now + entry.pause_s
        self.show(
            None,
            f"{entry.program.name} ended ({_reason(code)}); "
            f"starting it again in {entry.pause_s:.0f} s",
        )
        entry.pause_s = min(entry.pause_s * 2, LONGEST_PAUSE_S)

    def _ours(self) -> list[psutil.Process]:
        """All processes below us but the spared ones and what is below those."""
        spared = set(self.spared())
        for pid in tuple(spared):
            spared.update(process.pid for process in descendants(pid))
        return [process for process in descendants() if process.pid not in spared]

    def _kill(self, processes: Sequence[psutil.Process], wait_s: float) -> None:
        """Kill them and what they start meanwhile."""
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            self._collect_orphans()
            left = [p for p in self._ours() if _lives(p)]
            if not left:
                return
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.05)

    def _collect_orphans(self) -> None:
        """Take leave of dead grandchildren that the system gave to us."""
        known = {e.process.pid for e in self._entries.values() if e.process}
        known.update(self.spared())
        with suppress(psutil.Error):
            for process in psutil.Process().children():
                with suppress(psutil.Error, ChildProcessError):
                    if process.pid not in known and not _lives(process):
                        os.waitpid(process.pid, os.WNOHANG)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _reason(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
