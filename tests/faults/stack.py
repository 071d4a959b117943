"""A whole platform for the faults: servers and processes of its own, a ledger beside.

Nothing is shared with other tests, so everything here may be killed, frozen and cut.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from redis import Redis

from apps.ops.devstack import browser
from apps.ops.devstack.databases import DATABASE, Urls, prepare_database, url_for
from apps.ops.devstack.environment import keys
from apps.ops.devstack.postgres import EmbeddedPostgres
from apps.ops.devstack.processes import free_port, tail
from apps.ops.devstack.redis import EmbeddedRedis
from apps.ops.devstack.server import EmbeddedServer
from tests.faults import ledger as ledgers
from tests.faults.client import Client
from tests.faults.ledger import Ledger
from tests.faults.programs import ROOT, Keeper, Program

WORKERS, SLOTS = 2, 5
# Those on whose behavior under faults the platform relies.
LIBRARIES = ("django", "psycopg", "celery", "kombu", "billiard", "redis", "selenium")
PATIENCE_S = 90.0
# Nothing of whoever runs the suite may reach the platform under test.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SSL_CERT_FILE")

Row = tuple[Any, ...]


def wait_until(happens: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """What `happens` gives once it is true.

    Raises:
        TimeoutError: it never was.
    """
    give_up = time.monotonic() + within_s
    while not (found := happens()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.05)
    return found


@dataclass
class Stack:
    """PostgreSQL, Redis, web, beat and two workers, and the ledger."""

    directory: Path
    ledger: Ledger
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    keeper: Keeper = field(default_factory=Keeper)
    environment: dict[str, str] = field(default_factory=dict)
    urls: Urls = field(default_factory=lambda: Urls("", ""))
    programs: dict[str, Program] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _local: threading.local = field(default_factory=threading.local)
    _connections: list[psycopg.Connection] = field(default_factory=list)

    # --- up and down ---------------------------------------------------------------

    def start(self) -> None:
        """From an empty directory to a platform that answers."""
        (self.directory / "tmp").mkdir(parents=True)
        self.urls = prepare_database(self.postgres.start())
        self.redis.start()
        self.environment = self._environment()
        self._manage("migrate", "--verbosity=0", "--skip-checks")
        for name, arguments in self.standard.items():
            self.add(name, *arguments)
        self.keeper.start()
        self.wait_ready()
        self.client.register()

    def stop(self) -> None:
        """Kill and remove all of it."""
        self.keeper.close()
        self.client.close()
        for connection in self._connections:
            connection.close()
        for server in (self.redis, self.postgres):
            # A frozen one would wait for ever.
            server_signal(server, signal.SIGCONT)
            server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def standard(self) -> dict[str, tuple[str, ...]]:
        """The programs that a fault finds and leaves."""
        workers = {
            f"worker-{number}": ("worker", f"--concurrency={SLOTS}")
            for number in range(1, WORKERS + 1)
        }
        return {"web": ("web", f"--port={self.port}"), "beat": ("beat",), **workers}

    def heal(self) -> None:
        """Make everything as it was before a fault.

        Raises:
            TimeoutError, OSError, RuntimeError: it cannot be done.
        """
        self.ledger.on_effect = None
        for server in (self.redis, self.postgres):
            server_signal(server, signal.SIGCONT)
            server.start()
        for program in self.programs.values():
            program.signal(signal.SIGCONT)
        for name in self.programs.keys() - self.standard.keys():
            self.remove(name)
        for name, arguments in self.standard.items():
            known = self.programs.get(name)
            is_plain = known is not None and known.environment == self.environment
            if known is None or not (is_plain and known.is_wanted):
                self.add(name, *arguments)
        self.wait_ready()

    def keep_logs(self, directory: Path) -> None:
        """Copy all logs to where they outlive the stack."""
        directory.mkdir(parents=True, exist_ok=True)
        for log in (*self.directory.glob("*.log"), *self.directory.glob("*/*.log")):
            shutil.copy(log, directory / log.name)

    def _environment(self) -> dict[str, str]:
        data = self.directory / "data"
        data.mkdir()
        given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        own = {
            **keys(data),
            "DATABASE_URL": self.urls.app,
            "DATABASE_OWNER_URL": self.urls.owner,
            "REDIS_URL": self.redis.url,
            "DATA_DIR": str(data),
            "TMPDIR": str(self.directory / "tmp"),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "REGISTRATION": "open",
            "RPA_DEMO": "1",
            "EGRESS_ALLOW": "127.0.0.1",
            "ACCESS_TOKEN_LIFETIME_S": "86400",
            # Those who watch are many, and all of one user.
            "SOCKET_CONNECTIONS_PER_USER": "200",
            "PYTHONUNBUFFERED": "1",
            "RPA_BOOTSTRAP": "0",
        }
        if found := browser.find():
            own["BROWSER_PATH"] = str(found.program)
        if os.geteuid() == 0:
            own["BROWSER_SANDBOX"] = "false"
        return {**given, **own}

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed:\n{done.stdout}{done.stderr}")

    # --- programs ------------------------------------------------------------------

    def add(self, name: str, *arguments: str, **environment: str) -> Program:
        """Start a program and keep it running; a name used before replaces it."""
        if name in self.programs:
            self.keeper.forget(self.programs.pop(name))
        program = Program(
            name,
            arguments,
            {**self.environment, **environment},
            self.directory / f"{name}.log",
        )
        program.start()
        self.programs[name] = self.keeper.keep(program)
        return program

    def replace(self, name: str, **environment: str) -> Program:
        """Start a program anew with other settings."""
        return self.add(name, *self.programs[name].arguments, **environment)

    def remove(self, name: str) -> None:
        """Stop a program for good."""
        self.keeper.forget(self.programs.pop(name))

    @property
    def workers(self) -> list[Program]:
        """The worker programs."""
        return [p for name, p in self.programs.items() if name.startswith("worker")]

    @contextlib.contextmanager
    def workers_asleep(self) -> Iterator[None]:
        """No worker does anything meanwhile; too short for a lease to run out."""
        for worker in self.workers:
            worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in self.workers:
                worker.signal(signal.SIGCONT)

    def wait_ready(self) -> None:
        """Wait until web answers, beat beats and all workers work.

        Raises:
            TimeoutError: something did not start; the message has its log's end.
        """
        try:
            wait_until(self._is_ready, within_s=PATIENCE_S, what="the stack is ready")
        except TimeoutError as error:
            logs = {name: tail(p.log, 8) for name, p in self.programs.items()}
            texts = "\n".join(f"--- {name}\n{text}" for name, text in logs.items())
            raise TimeoutError(f"{error}\n{texts}") from error

    def _is_ready(self) -> bool:
        health = self.client.health()
        if health is None or health["status"] != "ok":
            return False
        pids = {worker.pid for worker in self.workers}
        seen = self.rows(
            "SELECT process_id FROM executions_worker"
            " WHERE last_seen_at > now() - interval '20 s'"
        )
        return pids <= {row[0] for row in seen}

    # --- looking -------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """The REST API, as a program uses it."""
        known: Client | None = self.__dict__.get("_client")
        if known is None:
            known = self.__dict__["_client"] = Client(f"http://127.0.0.1:{self.port}")
        return known

    @property
    def superuser_url(self) -> str:
        """The database, with the right to see and do everything."""
        return url_for(self.postgres.url, DATABASE)

    def rows(self, query: str, values: list[Any] | None = None) -> list[Row]:
        """Rows of a query, across organizations."""
        try:
            return self._rows(query, values)
        except psycopg.OperationalError:
            # The server was restarted: what is asked here may be asked twice.
            return self._rows(query, values)

    def _rows(self, query: str, values: list[Any] | None) -> list[Row]:
        connection: psycopg.Connection | None = getattr(self._local, "db", None)
        if connection is None or connection.closed:
            connection = self._local.db = psycopg.connect(
                self.superuser_url, autocommit=True, connect_timeout=10
            )
            self._connections.append(connection)
        try:
            found = connection.execute(query.encode(), values)
        except psycopg.OperationalError:
            connection.close()
            raise
        return found.fetchall() if found.description else []

    def redis_client(self) -> Redis:
        """A client of the broker; close it."""
        return Redis.from_url(self.redis.url, socket_timeout=10)

    def child_of(self, execution_id: str) -> int | None:
        """The process that runs an execution, by its lease."""
        found = self.rows(
            "SELECT lease_owner FROM executions_execution"
            " WHERE id = %s AND status = 'running'",
            [execution_id],
        )
        return int(found[0][0].rpartition(":")[2]) if found else None

    def browsers(self) -> list[psutil.Process]:
        """Living processes of browsers below our workers."""
        family = [one for worker in self.workers for one in worker.family()]
        found = []
        for process in family:
            with contextlib.suppress(psutil.Error):
                if "chrom" in process.name():
                    found.append(process)
        return found

    def versions(self) -> str:
        """What the platform ran on."""
        server = self.rows("SHOW server_version")[0][0]
        client = self.redis_client()
        broker = client.info("server")["redis_version"]
        client.close()
        python = ".".join(map(str, sys.version_info[:3]))
        libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        return f"Python {python}, PostgreSQL {server}, Redis {broker}, {libraries}"


def server_signal(server: EmbeddedServer, number: signal.Signals) -> None:
    """Send a signal to a server and all its processes; nothing when none runs."""
    pid = server.pid
    if pid is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a server's URL."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 0


def through(url: str, port: int) -> str:
    """The same URL by way of a gate on this machine."""
    return re.sub(r"@[^/]+/", f"@127.0.0.1:{port}/", url)


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """A whole platform in a directory of its own."""
    directory = Path(tempfile.mkdtemp(prefix="rpa-faults-"))
    directory.chmod(0o755)  # PostgreSQL runs as another user
    with ledgers.running() as ledger:
        stack = Stack(
            directory,
            ledger,
            EmbeddedPostgres(directory / "postgres"),
            EmbeddedRedis(directory / "redis"),
        )
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()
