"""Starts the process of many WebSocket clients, and reads what it prints."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from apps.ops.bench.base import BenchError, Result
from apps.ops.bench.stack import BenchStack
from apps.ops.devstack.processes import tail
from apps.ops.devstack.up import ROOT


@dataclass(frozen=True)
class Audience:
    """Clients that have subscribed; see `apps.ops.bench.watchers`.

    Attributes:
        connected: what they said once all had.
    """

    process: subprocess.Popen[str]
    stack: BenchStack
    connected: Result

    def ends(self) -> Result:
        """End them; gives what all of them heard."""
        assert self.process.stdin is not None  # noqa: S101  # it is a pipe
        self.process.stdin.close()
        return _line(self.process, self.stack)


@contextmanager
def audience(
    stack: BenchStack,
    *,
    token: str,
    ports: Sequence[int],
    clients: int,
    channels: Sequence[str],
) -> Iterator[Audience]:
    """So many clients, spread over the ports and the channels.

    Raises:
        BenchError: they did not come to subscribe.
    """
    order = {
        "token": token,
        "ports": list(ports),
        "clients": clients,
        "channels": list(channels),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "apps.ops.bench.watchers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            yield Audience(process, stack, _line(process, stack))
        finally:
            process.kill()


def _line(process: subprocess.Popen[str], stack: BenchStack) -> Result:
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    found = process.stdout.readline()
    if not found:
        raise BenchError(f"the clients ended:\n{tail(stack.log.file)}")
    read: Result = json.loads(found)
    return read
