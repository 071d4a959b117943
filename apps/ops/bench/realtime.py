"""`manage.py bench realtime`: events to many clients over several web processes.

Each event is committed on its own clock, published by beat and written to every client
of its channel; the time is from before its commit to its arrival. By default all
clients hear one channel, which is the most frames that so many clients can mean.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psutil
import requests
from rich.console import Console

from apps.ops.bench import machine
from apps.ops.bench.audience import Audience, audience
from apps.ops.bench.base import BenchError, Benchmark, Result, Say
from apps.ops.bench.measuring import wait_for
from apps.ops.bench.observer import Observer
from apps.ops.bench.stack import BenchStack
from apps.ops.devstack.processes import free_port, tail
from apps.ops.devstack.supervisor import Program
from apps.ops.devstack.up import ROOT

MANAGE = (sys.executable, str(ROOT / "manage.py"))
TICK_S = 0.02
SETTLE_S = 10.0
GOALS = (("lost", 0), ("doubled", 0), ("gaps", 0), ("p99_ms", 250))


class Realtime(Benchmark):
    """Clients, events, and what it costs to bring the ones to the others."""

    summary = "events to many WebSocket clients: latency, losses, memory, processor"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--clients", type=int, default=1_000)
        add("--rate", type=float, default=100.0, help="events a second, in all")
        add("--processes", type=int, default=2, help="web processes")
        add("--channels", type=int, default=1, help="clients and events are spread")
        add("--seconds", type=float, default=20.0)
        add("--restart-redis", action="store_true", help="in the middle of it")
        add("--no-engine", action="store_true", help="without the engine's slowdown")

    def run(self, options: argparse.Namespace, say: Say) -> Result:
        result: Result = {
            "benchmark": "realtime",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load_before": machine.load(),
            **{
                name: getattr(options, name)
                for name in ("clients", "rate", "processes", "channels", "seconds")
            },
            "restarted_redis": options.restart_redis,
        }
        with BenchStack(say) as stack:
            stack.prepare_django()
            run = _Run(stack, options, say)
            try:
                result |= run.measure()
            finally:
                run.observer.close()
        result["goals"] = [
            {"figure": name, "at_most": most, "is": result[name]}
            | {"met": result[name] <= most}
            for name, most in GOALS
        ]
        if not options.no_engine:
            result |= _watched(say)
        result["failed"] = not all(goal["met"] for goal in result["goals"][:3])
        return result

    def show(self, result: Mapping[str, Any], console: Console) -> None:
        for name, value in result.items():
            if name != "goals":
                console.print(f"{name:<24}{value}", markup=False)
        for goal in result["goals"]:
            mark = "met" if goal["met"] else "missed"
            console.print(f"{mark}: {goal['figure']} {goal['is']} ≤ {goal['at_most']}")


BENCHMARK = Realtime()


class _Run:
    """One measurement on a stack whose servers run."""

    def __init__(
        self, stack: BenchStack, options: argparse.Namespace, say: Say
    ) -> None:
        self.stack, self.options, self.say = stack, options, say
        self.ports = [free_port() for _ in range(options.processes)]
        self.observer = Observer(stack.superuser_url)

    def measure(self) -> Result:
        """Everything from the start of the processes to the figures."""
        self._start()
        workflows = self._workflows()
        empty = self._memory()
        with self._audience(workflows) as watchers:
            self.say(f"{self.options.clients} clients: {watchers.connected}")
            memory = self._memory() - empty
            before, began = self._processors(), time.monotonic()
            sent, last = self._write(workflows)
            took = time.monotonic() - began
            used = {n: s - before[n] for n, s in self._processors().items()}
            self._settle()
            heard = watchers.ends()
        share = self.options.clients // len(workflows)
        expected = sent * share
        return {
            **watchers.connected,
            "events": sent,
            "deliveries": heard["events"],
            "deliveries_per_s": round(heard["events"] / took),
            "lost": expected - heard["events"],
            "doubled": heard["doubled"],
            "gaps": heard["gaps"],
            "disconnected": heard["reconnects"],
            "all_heard_the_last": max(heard["last"]) == last,
            **{name: heard[name] for name in ("p50_ms", "p99_ms", "max_ms")},
            "memory_kib_per_client": round(memory / self.options.clients / 1024, 1),
            "cpu_percent": {n: round(100 * s / took, 1) for n, s in used.items()},
        }

    def _start(self) -> None:
        self.say(f"{len(self.ports)} web processes and beat")
        limits = {
            "SOCKET_CONNECTIONS_PER_USER": str(self.options.clients),
            "SOCKET_CONNECTIONS": str(self.options.clients + 10),
        }
        start = self.stack.supervisor.start
        for number, port in enumerate(self.ports):
            command = [*MANAGE, "web", f"--port={port}"]
            start(Program(f"web{number}", command, limits, restarts=False))
        start(Program("beat", [*MANAGE, "beat"], restarts=False))
        for port in self.ports:
            wait_for(lambda port=port: _answers(port))  # type: ignore[misc]  # bound now
        self._token = self._signed_in()

    def _signed_in(self) -> str:
        body = {key: self.stack.sign_in[key] for key in ("email", "password")}
        with requests.Session() as session:
            session.trust_env = False
            address = f"http://127.0.0.1:{self.ports[0]}/api/auth/token"
            answer = session.post(address, json=body, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access"])

    def _workflows(self) -> list[uuid.UUID]:
        from apps.accounts.viewer import Viewer
        from apps.core import tenancy
        from apps.workflows.services.workflows import workflow_create

        self.organization = self.observer.organization()
        viewer = Viewer.platform(self.organization)
        made = []
        for number in range(self.options.channels):
            document = {"name": f"bench {number}", "steps": [{"type": "stop"}]}
            with tenancy.tenant(self.organization):
                made.append(workflow_create(by=viewer, document=document).id)
        return made

    def _audience(
        self, workflows: Sequence[uuid.UUID]
    ) -> AbstractContextManager[Audience]:
        return audience(
            self.stack,
            token=self._token,
            ports=self.ports,
            clients=self.options.clients,
            channels=[f"workflow-status:{one}" for one in workflows],
        )

    def _write(self, workflows: Sequence[uuid.UUID]) -> tuple[int, int]:
        """Write events at the rate; gives how many, and the last number."""
        options, began, sent = self.options, time.monotonic(), 0
        restart_at = options.seconds / 2 if options.restart_redis else None
        while (passed := time.monotonic() - began) < options.seconds:
            if restart_at is not None and passed > restart_at:
                restart_at = None
                self.say("Redis restarts")
                self.stack.redis.stop()
                self.stack.redis.start()
            due = int(passed * options.rate) - sent
            if due > 0:
                self._emit(workflows, sent, due)
                sent += due
            time.sleep(TICK_S)
        wait_for(self.observer.is_published)
        return sent, self._last()

    def _emit(self, workflows: Sequence[uuid.UUID], first: int, count: int) -> None:
        from apps.core import tenancy
        from apps.events.models import Event
        from apps.events.services import emit_each

        sent_at = time.time()
        with tenancy.tenant(self.organization):
            emit_each(
                "bench",
                (
                    Event(
                        organization_id=self.organization,
                        workflow_id=workflows[number % len(workflows)],
                        payload={"sent_at": sent_at},
                    )
                    for number in range(first, first + count)
                ),
            )

    def _last(self) -> int:
        query = "SELECT max(last) FROM events_numbering"
        found = self.observer.connection.execute(query).fetchone()
        return int(found[0]) if found else 0

    def _settle(self) -> None:
        """Let arrive what is on its way; after a restart, what has to be looked for."""
        time.sleep(SETTLE_S if self.options.restart_redis else 2.0)

    def _pids(self) -> dict[str, int]:
        names = [f"web{number}" for number in range(len(self.ports))] + ["beat"]
        found = {name: self.stack.supervisor.pid(name) for name in names}
        servers = {"postgres": self.stack.postgres.pid, "redis": self.stack.redis.pid}
        for name, pid in {**found, **servers}.items():
            if pid is None:
                raise BenchError(f"{name} ended:\n{tail(self.stack.log.file)}")
        return {name: pid for name, pid in {**found, **servers}.items() if pid}

    def _memory(self) -> int:
        """What the web processes hold, in bytes."""
        pids = [pid for name, pid in self._pids().items() if name.startswith("web")]
        return sum(int(psutil.Process(pid).memory_info().rss) for pid in pids)

    def _processors(self) -> dict[str, float]:
        own = {"writer": time.process_time()}
        return {**machine.cpu_s(self._pids()), **own}


def _watched(say: Say) -> Result:
    """What the engine does while it is watched, on a platform of its own.

    In another process: this one's models belong to the servers of before.
    """
    say("the engine, watched and not")
    command = [*MANAGE, "bench", "engine", "--case=watched", "--no-floor", "--json"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603
    if not answer.stdout:
        raise BenchError("the benchmark of the engine has ended without a result")
    found = json.loads(answer.stdout)
    if found["errors"]:
        raise BenchError(str(found["errors"]))
    return {
        "engine": {n: one["median"] for n, one in found["cases"]["watched"].items()}
    }


def _answers(port: int) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            address = f"http://127.0.0.1:{port}/api/health/live"
            return session.get(address, timeout=5).ok
        except requests.RequestException:
            return False
