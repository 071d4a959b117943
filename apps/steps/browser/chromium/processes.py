"""Starts the browser's processes, and ends every one of them."""

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

_LONGEST_S = 3.0
# What programs need of our environment; secrets stand in the rest of it.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "DISPLAY",
    "XAUTHORITY",
)


def start(command: Sequence[str], home: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start a program that dies with the thread that started it (on Linux).

    It stays in our process group, to end with it when that is killed.

    Args:
        home: its home and temporary directory.
        output: the file for what it prints.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment = {**kept, "HOME": str(home), "TMPDIR": str(home)}
    with output.open("wb") as file:
        return subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            [*_dying_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=home,
        )


def _dying_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def end_all(marker: str, started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Kill the started processes, their children, and all that bear the marker.

    Does nothing when all have ended already.

    Args:
        marker: a text that stands in the command lines of our processes alone.
    """
    deadline = time.monotonic() + _LONGEST_S
    victims = _trees(started) or _marked(marker)
    while victims:
        for victim in victims:
            with contextlib.suppress(psutil.Error):
                victim.kill()
        _collect(victims, started)
        # Processes start others while we look; crash handlers have left the tree.
        victims = _marked(marker)
        if time.monotonic() > deadline:
            log.error("Processes of a browser outlive it", extra={"marker": marker})
            break


def remove_orphans(prefix: str) -> None:
    """Remove the folders of browsers whose process is gone.

    Args:
        prefix: of their names; the number of the process that has made one follows.
    """
    for folder in orphans(prefix):
        shutil.rmtree(folder, ignore_errors=True)


def orphans(prefix: str) -> list[Path]:
    """The folders of browsers whose process is gone."""
    found = []
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        owner = folder.name.removeprefix(prefix).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            found.append(folder)
    return found


def memory_bytes(started: Sequence[subprocess.Popen[bytes]]) -> int:
    """What the processes and all below them hold for themselves."""
    total = 0
    for process in _trees(started):
        with contextlib.suppress(psutil.Error):
            info = process.memory_info()
            total += info.rss - getattr(info, "shared", 0)
    return total


def _collect(
    victims: Sequence[psutil.Process], started: Sequence[subprocess.Popen[bytes]]
) -> None:
    """Wait for their end, and for our own children, so that none stays a zombie."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        # A list: each of them has to be asked.
        ours = [process.poll() is not None for process in started]
        if all(ours) and not any(map(_is_alive, victims)):
            return
        time.sleep(0.005)


def _trees(started: Sequence[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in started:
        if process.poll() is None:
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(process.pid)
                found += [parent, *parent.children(recursive=True)]
    return found


def _marked(marker: str) -> list[psutil.Process]:
    own, found = os.getpid(), []
    for other in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if other.pid != own and marker in _words(other) and _is_alive(other):
                found.append(other)
    return found


def _words(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
