"""A platform of the benchmark's own: like that of `manage.py up`, in its own place.

PostgreSQL with fsync, Redis, a prefork worker of five, beat and web, with production
settings but for what reaches the benchmark's own local server.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import redis
from rich.console import Console

from apps.ops.bench.base import BenchError, Say
from apps.ops.devstack import environment
from apps.ops.devstack.databases import DATABASE, url_for
from apps.ops.devstack.display import Display
from apps.ops.devstack.errors import StackError
from apps.ops.devstack.processes import free_port, tail
from apps.ops.devstack.supervisor import Program
from apps.ops.devstack.up import ROOT, Stack

CONCURRENCY = 5
# A benchmark must never write into a database that somebody uses.
FOREIGN = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "RPA_INSTANCE"),
    *("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DEBUG", "PUBLIC_URL"),
)


class LogDisplay(Display):
    """Writes what the stack's processes print into a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._handle = file.open("a", buffering=1, errors="replace")
        super().__init__(Console(file=self._handle))

    def line(self, name: str | None, line: str) -> None:
        self._handle.write(f"{name or 'supervisor'} | {line}\n")

    def note(self, text: str) -> None:
        self.line(None, text)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


class BenchStack(Stack):
    """The servers while it is entered; the platform too after `start_platform`.

    All of it ends and all its files go when it is left, also by Ctrl-C.

    Args:
        parent: where its directory is made; the disk that is measured.
        more: settings of its own; `EGRESS_ALLOW` comes on top of what is allowed.
    """

    def __init__(
        self,
        say: Say,
        parent: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        directory = Path(tempfile.mkdtemp(prefix="rpa-bench-", dir=parent))
        self.log = LogDisplay(directory / "programs.log")
        super().__init__(directory.resolve(), free_port(), self.log)
        self.sink_port = free_port()
        self.say = say
        self._more = dict(more or {})
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        self._cleanup.callback(shutil.rmtree, self.data_dir, ignore_errors=True)
        self._cleanup.callback(self.log.close)
        try:
            self._handle_signals(self._cleanup)
            self._cleanup.callback(self._stop)
            self._set_environment()
            self.say("PostgreSQL and Redis")
            self._start_servers()
            self.postgres, self.redis = self.servers
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def superuser_url(self) -> str:
        """The platform's database, for one who sees every organization's rows."""
        return url_for(self.postgres.url, DATABASE)

    def prepare_django(self) -> None:
        """Make the tables and the first user; then this process may use models."""
        self.say("tables")
        (self.data_dir / "static").mkdir(exist_ok=True)
        self._manage("migrate", "--verbosity=0")
        self.sign_in = environment.credentials(self.data_dir, self.url)
        email = f"--email={self.sign_in['email']}"
        self._manage("seed", email, SEED_PASSWORD=self.sign_in["password"])
        import django

        django.setup()

    def start_platform(self) -> None:
        """Start web, worker, beat and the local server; wait until all are ready."""
        self.say("web, worker and beat")
        module = "apps.ops.bench.sink"
        sink = [sys.executable, "-m", module, str(self.sink_port)]
        self.supervisor.start(Program("sink", sink, {"PYTHONPATH": str(ROOT)}))
        self._start_programs()
        try:
            self._wait_ready()
        except StackError as error:
            raise BenchError(f"{error}\n{tail(self.log.file)}") from error
        if self.asked_to_stop.is_set():
            raise KeyboardInterrupt
        self.is_supervising = False  # from here on Ctrl-C breaks off what is measured

    def check(self) -> None:
        """See that nothing of the platform has ended.

        Raises:
            BenchError: a process has; the message has the end of the log.
        """
        for name in ("sink", "web", "worker", "beat"):
            if self.supervisor.pid(name) is None:
                raise BenchError(f"{name} ended:\n{tail(self.log.file)}")

    def pids(self) -> dict[str, int]:
        """Process ids of the programs and servers, by name."""
        programs = {n: self.supervisor.pid(n) for n in ("web", "worker", "beat")}
        servers = {"postgres": self.postgres.pid, "redis": self.redis.pid}
        return {name: pid for name, pid in {**programs, **servers}.items() if pid}

    def redis_version(self) -> str:
        """The version of its Redis or Valkey server."""
        with redis.Redis.from_url(self.redis.url, socket_timeout=5) as client:
            return str(client.info("server")["redis_version"])

    def _set_environment(self) -> None:
        for name in FOREIGN:
            os.environ.pop(name, None)
            os.environ.pop(f"{name}_FILE", None)
        own = {
            "RPA_DEMO": "0",
            "WORKFLOW_MAX_CONCURRENT": str(CONCURRENCY),
            "LOG_LEVEL": "INFO",
            **self._more,
        }
        reached = [f"127.0.0.1:{port}" for port in (self.sink_port, self.port)]
        own["EGRESS_ALLOW"] = ",".join([*reached, own.get("EGRESS_ALLOW", "")])
        made = environment.development(self.data_dir, self.port, own)
        os.environ.update({**made, **own})
