"""`manage.py up`: from nothing to a running platform in the foreground."""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from apps.ops.devstack import browser, environment
from apps.ops.devstack.databases import prepare_database
from apps.ops.devstack.display import Display
from apps.ops.devstack.errors import StackError
from apps.ops.devstack.postgres import EmbeddedPostgres
from apps.ops.devstack.processes import is_port_free
from apps.ops.devstack.redis import EmbeddedRedis
from apps.ops.devstack.server import EmbeddedServer
from apps.ops.devstack.supervisor import Program, Supervisor

ROOT = Path(__file__).resolve().parents[3]
READY_TIMEOUT_S = 120.0
HEALTH_EVERY_S = 0.3


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser("manage.py up", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data-dir", type=Path, default=ROOT / ".rpa")
    parser.add_argument("--no-demo", action="store_true", help="skip the demo workflow")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the platform until Ctrl-C or SIGTERM; the exit code."""
    options = parse(arguments)
    display = Display()
    stack = Stack(options.data_dir.resolve(), options.port, display)
    try:
        with environment.sole_user(stack.data_dir):
            return stack.run(demo=not options.no_demo)
    except StackError as error:
        display.problem(str(error))
        return 1
    except KeyboardInterrupt:
        display.note("Stopped before it was ready; the next start goes on from here.")
        return 130


class Stack:
    """All servers and processes of one data directory."""

    def __init__(self, data_dir: Path, port: int, display: Display) -> None:
        self.data_dir = data_dir
        self.port = port
        self.display = display
        self.servers: list[EmbeddedServer] = []
        self.supervisor = Supervisor(display.line, spared=self._server_pids)
        self.is_supervising = False
        self.asked_to_stop = threading.Event()
        self.url = f"http://127.0.0.1:{port}"

    def run(self, *, demo: bool) -> int:
        """Start all, stay until asked to stop, stop all.

        Raises:
            StackError: something cannot start; all else is stopped.
            KeyboardInterrupt: asked to stop before the processes ran.
        """
        began = time.monotonic()
        if not is_port_free(self.port):
            raise StackError(f"port {self.port} is in use. Choose another with --port.")
        with ExitStack() as cleanup:
            self._handle_signals(cleanup)
            cleanup.callback(self._stop)
            self._prepare()
            self._start_programs()
            self._wait_ready()
            if not self.asked_to_stop.is_set():
                self.display.ready(self.sign_in, time.monotonic() - began)
            if demo and not self.asked_to_stop.is_set():
                self._demo()
            self.supervisor.run(until=self.asked_to_stop.is_set)
        return 0

    def _prepare(self) -> None:
        os.environ.update(environment.development(self.data_dir, self.port, os.environ))
        (self.data_dir / "static").mkdir(exist_ok=True)
        self._tell_defaults()
        self._start_servers()
        with self.display.step("Browser"):
            found = browser.ensure()
        if found is None:
            self.display.note(browser.explain_missing())
        with self.display.step("Database tables"):
            self._manage("migrate", "--verbosity=0")
        self.sign_in = environment.credentials(self.data_dir, self.url)
        with self.display.step("First user"):
            self._manage(
                "seed",
                f"--email={self.sign_in['email']}",
                SEED_PASSWORD=self.sign_in["password"],
            )

    def _tell_defaults(self) -> None:
        names = ("EGRESS_ALLOW", "WORKER_GRACE", "REGISTRATION")
        values = ", ".join(f"{name}={os.environ[name]}" for name in names)
        debug = os.environ.get("DEBUG", "off")
        self.display.note(f"For development: {values}, DEBUG={debug}")

    def _start_servers(self) -> None:
        if "DATABASE_URL" in os.environ:
            self.display.note("PostgreSQL: DATABASE_URL from the environment")
        else:
            with self.display.step("PostgreSQL"):
                url = self._start(EmbeddedPostgres(self.data_dir / "postgres"))
                urls = prepare_database(url)
            os.environ["DATABASE_URL"] = urls.app
            os.environ["DATABASE_OWNER_URL"] = urls.owner
        if "REDIS_URL" in os.environ:
            self.display.note("Redis: REDIS_URL from the environment")
        else:
            with self.display.step("Redis"):
                redis_url = self._start(EmbeddedRedis(self.data_dir / "redis"))
            os.environ["REDIS_URL"] = redis_url

    def _start(self, server: EmbeddedServer) -> str:
        self.servers.append(server)
        return server.start()

    def _manage(self, *arguments: str, **variables: str) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            output = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise StackError(f"`manage.py {arguments[0]}` failed:\n{output}")

    def _start_programs(self) -> None:
        self.is_supervising = True
        manage = [sys.executable, str(ROOT / "manage.py")]
        for name, *arguments in (
            ("web", f"--port={self.port}"),
            ("worker",),
            ("beat",),
        ):
            self.supervisor.start(Program(name, [*manage, name, *arguments]))

    def _wait_ready(self) -> None:
        with self.display.step("Web, worker and beat"):
            deadline = time.monotonic() + READY_TIMEOUT_S
            while not self.asked_to_stop.is_set():
                self.supervisor.tick()
                answer = self._health()
                if answer is None:
                    return
                if time.monotonic() > deadline:
                    raise StackError(
                        f"the platform was not ready after {READY_TIMEOUT_S:.0f} s; "
                        f"{self.url}/api/health: {answer}"
                    )
                time.sleep(HEALTH_EVERY_S)

    def _health(self) -> str | None:
        """None when all is well, else what is wrong."""
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy cannot reach our loopback
                answer = session.get(f"{self.url}/api/health", timeout=5)
        except requests.RequestException as error:
            return type(error).__name__
        is_ready = answer.status_code == 200 and answer.json()["status"] == "ok"
        return None if is_ready else answer.text[:500]

    def _demo(self) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "demo"]
        email = {"DEMO_EMAIL": self.sign_in["email"]}
        self.supervisor.start(Program("demo", command, email, restarts=False))
        self.supervisor.run(
            until=lambda: (
                self.asked_to_stop.is_set()
                or self.supervisor.exit_code("demo") is not None
            )
        )
        if self.supervisor.exit_code("demo"):
            self.display.note("The demo did not succeed; the platform goes on.")

    def _handle_signals(self, cleanup: ExitStack) -> None:
        def ask(number: int, frame: FrameType | None) -> None:
            if not self.is_supervising:
                raise KeyboardInterrupt
            self.asked_to_stop.set()

        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before: Any = signal.signal(name, ask)
            cleanup.callback(signal.signal, name, before)

    def _stop(self) -> None:
        self.is_supervising = True  # a second Ctrl-C must not break off the clean-up
        self.display.note("Stopping ...")
        self.supervisor.stop()
        for server in reversed(self.servers):
            server.stop()
        self.display.note(f"Stopped. The data stays in {self.data_dir}")

    def _server_pids(self) -> list[int]:
        return [server.pid for server in self.servers if server.pid]
