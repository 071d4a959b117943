"""Child processes that die with their parent and never run PostgreSQL as root."""

import ctypes
import os
import pwd
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# From <linux/prctl.h> and <linux/capability.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522

IS_LINUX = sys.platform.startswith("linux")
# Loaded before any fork: a child must not import or allocate much.
_LIBC = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None


@dataclass(frozen=True)
class Account:
    """The user a server runs as.

    Attributes:
        passes_closed_doors: keeps the right to walk through directories that only
            root may enter, so that no permission on the disk has to be widened.
    """

    name: str
    uid: int
    gid: int
    passes_closed_doors: bool


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def account_for(*paths: Path, preferred: Sequence[str] = ("postgres",)) -> Account:
    """An existing user without root's rights that a server can run as.

    Args:
        paths: what the server must reach.
    """
    for name in (*preferred, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        closed = not all(_is_open_to_all(path) for path in paths)
        return Account(name, entry.pw_uid, entry.pw_gid, closed)
    raise LookupError("no user 'postgres' or 'nobody'")


def _is_open_to_all(path: Path) -> bool:
    """Whether any user can walk to the path and into it."""
    path = path.resolve()
    return all(p.stat().st_mode & stat.S_IXOTH for p in (path, *path.parents))


def become_subreaper() -> None:
    """Orphaned grandchildren become our children, so that we can end them."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def child_setup(
    *, account: Account | None = None, death_signal: signal.Signals | None = None
) -> Callable[[], None]:
    """What a child does between fork and exec: change user, die with its parent."""
    parent = os.getpid()

    def prepare() -> None:
        if account is not None:
            _change_user(account)
        if _LIBC is None or death_signal is None:
            return
        # After the change of user, which clears it.
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return prepare


def _change_user(account: Account) -> None:
    keeps = account.passes_closed_doors and _LIBC is not None
    if keeps and _LIBC is not None:
        _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([account.gid])
    os.setgid(account.gid)
    os.setuid(account.uid)
    if keeps and _LIBC is not None:
        _keep_capability(_LIBC, _CAP_DAC_OVERRIDE)


def _keep_capability(libc: ctypes.CDLL, capability: int) -> None:
    """Carry one capability through exec, the only one left after the change."""
    bits = 1 << capability
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", bits, bits, bits, 0, 0, 0)
    libc.capset(header, data)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def read_pid(file: Path) -> int | None:
    """The process id in the first line of a pid file, if there is one."""
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def find_process(pid: int | None, *, argument: str) -> psutil.Process | None:
    """The living process with this id, if the argument stands in its command line.

    A pid file outlives its process, and the number is given to another one later.
    """
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        # Joined, since Redis writes its whole title into one argument.
        return process if alive and argument in " ".join(process.cmdline()) else None
    except psutil.Error:
        return None


def end_process(process: psutil.Process, steps: Sequence[tuple[int, float]]) -> None:
    """Send each signal in turn, waiting its seconds, until the process is gone."""
    for number, wait_s in steps:
        try:
            process.send_signal(number)
            process.wait(wait_s)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            return
        return


def descendants(pid: int | None = None) -> list[psutil.Process]:
    """All living processes below this one (or below `pid`), deepest last."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def tail(file: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def output_lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Each line the process writes, without its end."""
    if process.stdout is not None:
        for line in process.stdout:
            yield line.rstrip("\n")
