"""On what it was measured: versions, cores, load, the disk."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("django", "celery", "kombu", "redis", "psycopg", "channels", "uvicorn")
BLOCK = 8192


def versions(**servers: str) -> dict[str, str]:
    """Of Python, the libraries that matter, and the servers given."""
    own = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **own, **servers}


def facts(directory: Path) -> dict[str, Any]:
    """The machine, and how fast the disk below `directory` makes writes durable."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": platform.platform(),
        "filesystem": _filesystem(directory),
        "fdatasyncs_per_s": round(fdatasyncs_per_s(directory)),
    }


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def fdatasyncs_per_s(directory: Path, seconds: float = 1.0) -> float:
    """How often a second one writer can make a database block durable."""
    sync = getattr(os, "fdatasync", os.fsync)
    file = directory / "fdatasync"
    handle = os.open(file, os.O_CREAT | os.O_RDWR)
    try:
        block, count, began = os.urandom(BLOCK), 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            os.pwrite(handle, block, 0)
            sync(handle)
            count += 1
        return count / (time.perf_counter() - began)
    finally:
        os.close(handle)
        file.unlink()


def _filesystem(directory: Path) -> str:
    mounts = {Path(p.mountpoint): p.fstype for p in psutil.disk_partitions(all=True)}
    above = (p for p in (directory, *directory.parents) if p in mounts)
    return next((mounts[path] for path in above), "unknown")


def cpu_s(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds used so far by each process and all below it, by name."""
    return {name: _family_s(pid) for name, pid in pids.items()}


def _family_s(pid: int) -> float:
    try:
        top = psutil.Process(pid)
        times = top.cpu_times()
        # Children that have ended are in the parent's own account.
        used = times.user + times.system + times.children_user + times.children_system
        return used + sum(_own_s(one) for one in top.children(recursive=True))
    except psutil.NoSuchProcess:
        return 0.0


def _own_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
