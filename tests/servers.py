"""PostgreSQL and Redis for a test run: found, started when first needed, stopped.

Three ways, the first that applies:

1. `DATABASE_OWNER_URL`, `DATABASE_URL` and `REDIS_URL` in the environment are used
   as they are; the owner's role must be able to create databases.
2. `RPA_TEST_SERVERS=/some/dir` keeps servers between runs. They are started when
   needed; `python -m tests.servers stop DIR` ends them.
3. Otherwise the run has servers of its own in a temporary directory.

Addresses are fixed before Django reads its settings, but nothing starts before a
test asks for it: tests without a database start no server.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from apps.ops.devstack.databases import prepare_roles, role_urls, url_for
from apps.ops.devstack.postgres import FAST_AND_FORGETFUL, EmbeddedPostgres
from apps.ops.devstack.redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parent.parent
RUN_DIR, RUN_KIND, RUN_PID = "RPA_TEST_DIR", "RPA_TEST_KIND", "RPA_TEST_PID"
GIVEN = ("DATABASE_OWNER_URL", "DATABASE_URL", "REDIS_URL")
PREFIX = "rpa_test"
# Kept, since a handle that goes away while its process lives is a warning.
WATCHERS: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Servers:
    """The embedded servers of one directory."""

    directory: Path

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        directory = self.directory / "postgres"
        return EmbeddedPostgres(directory, detached=True, settings=FAST_AND_FORGETFUL)

    @cached_property
    def redis(self) -> EmbeddedRedis:
        return EmbeddedRedis(self.directory / "redis", detached=True)

    def start(self) -> None:
        """Start what does not run yet."""
        expected = self.postgres.url, self.redis.url
        if (self.postgres.start(), self.redis.start()) != expected:
            raise RuntimeError("a port chosen for this run was taken: run again")

    def stop(self) -> None:
        """Stop both."""
        self.redis.stop()
        self.postgres.stop()


@dataclass(frozen=True)
class TestRun:
    """One process of a test run: which servers, which database is its own."""

    __test__ = False  # not a test class, whatever its name says

    worker: str
    run_pid: int
    owner_url: str
    app_url: str
    redis_url: str
    directory: Path
    servers: Servers | None
    is_temporary: bool

    @property
    def database(self) -> str:
        return f"{PREFIX}_{self.run_pid}_{self.worker}"

    @property
    def environment(self) -> dict[str, str]:
        """What settings and child processes of the tests read."""
        return {
            "DATABASE_URL": url_for(self.app_url, self.database),
            "DATABASE_OWNER_URL": url_for(self.owner_url, self.database),
            "REDIS_URL": self.redis_url,
            "RPA_INSTANCE": f"test-{self.run_pid}-{self.worker}",
            "DATA_DIR": str(self.directory / f"data-{self.run_pid}-{self.worker}"),
        }

    def start(self) -> None:
        """Start the servers unless they run already."""
        if self.servers is None:
            return
        if self.is_temporary:
            self._watch()  # first: from here on something could be left behind
        self.servers.start()
        prepare_roles(self.servers.postgres.url)
        with psycopg.connect(self.servers.postgres.url) as connection:
            # A killed worker's connections must not keep its database from going.
            connection.execute("GRANT pg_signal_backend TO rpa_owner")

    def make_database(self) -> None:
        """Clone the migrated template into this process's own database."""
        template = f"{PREFIX}_template_{schema_hash()}"
        with self._alone(), self._admin() as connection:
            if self.servers is not None:
                drop_abandoned(connection)
            if not exists(connection, template):
                self._make_template(connection, template)
            drop(connection, self.database)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(self.database), sql.Identifier(template)
                )
            )

    def drop_database(self) -> None:
        """Remove the clone and this process's files."""
        with self._admin() as connection:
            drop(connection, self.database)
        shutil.rmtree(self.environment["DATA_DIR"], ignore_errors=True)

    def finish(self) -> None:
        """End what belongs to the run alone; its first process calls this."""
        if not self.is_temporary:
            return
        if self.servers is not None:
            self.servers.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(url_for(self.owner_url, "postgres"), autocommit=True)

    def _make_template(self, connection: psycopg.Connection, template: str) -> None:
        draft = f"{template}_draft"
        drop(connection, draft)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        urls = {
            "DATABASE_URL": url_for(self.app_url, draft),
            "DATABASE_OWNER_URL": url_for(self.owner_url, draft),
        }
        done = subprocess.run(
            [
                sys.executable,
                str(ROOT / "manage.py"),
                "migrate",
                "--verbosity=0",
                "--skip-checks",
            ],
            env={**os.environ, **urls, "RPA_BOOTSTRAP": "0"},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"migrate failed:\n{done.stdout}\n{done.stderr}")
        self._allow_truncate(urls["DATABASE_OWNER_URL"])
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(draft), sql.Identifier(template)
            )
        )

    def _allow_truncate(self, url: str) -> None:
        """Transactional tests clean up by TRUNCATE; the product never does."""
        role = psycopg.conninfo.conninfo_to_dict(self.app_url)["user"]
        with psycopg.connect(url) as connection:
            connection.execute(
                sql.SQL("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {}").format(
                    sql.Identifier(str(role))
                )
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Processes of a run make the template one after the other."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "template.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _watch(self) -> None:
        """Clean up even when the run is killed and cannot do it itself."""
        with (self.directory / "watch.lock").open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if handle.tell():
                return
            handle.write("watched\n")
        watcher = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", "watch", str(self.directory)],
            cwd=ROOT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        WATCHERS.append(watcher)


def current_run() -> TestRun:
    """The run this process belongs to; the first process of a run defines it.

    What it decides stands in the environment, for the other processes of the run.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    run_pid = int(os.environ.setdefault(RUN_PID, str(os.getpid())))
    if RUN_DIR not in os.environ:
        os.environ[RUN_DIR], os.environ[RUN_KIND] = _choose()
    directory = Path(os.environ[RUN_DIR]).resolve()
    if os.environ[RUN_KIND] == "given":
        owner, app, redis = (os.environ[name] for name in GIVEN)
        return TestRun(worker, run_pid, owner, app, redis, directory, None, True)
    servers = Servers(directory)
    roles = role_urls(servers.postgres.url)
    redis = servers.redis.url
    is_temporary = os.environ[RUN_KIND] == "own"
    return TestRun(
        worker, run_pid, roles.owner, roles.app, redis, directory, servers, is_temporary
    )


def _choose() -> tuple[str, str]:
    """The run's directory and where its servers come from."""
    given = [name for name in GIVEN if os.environ.get(name)]
    if "DATABASE_OWNER_URL" in given and len(given) < len(GIVEN):
        missing = ", ".join(sorted(set(GIVEN) - set(given)))
        raise RuntimeError(f"tests on given servers also need {missing}")
    if len(given) == len(GIVEN):
        return tempfile.mkdtemp(prefix="rpa-test-"), "given"
    if "RPA_TEST_SERVERS" in os.environ:
        return os.environ["RPA_TEST_SERVERS"], "kept"
    return tempfile.mkdtemp(prefix="rpa-test-"), "own"


def schema_hash() -> str:
    """Names the state of everything that shapes the migrated schema."""
    digest = hashlib.sha256()
    files = [*ROOT.glob("apps/*/migrations/*.py"), *ROOT.glob("apps/core/**/*.py")]
    for file in sorted([*files, ROOT / "requirements.txt", ROOT / "rpa/settings.py"]):
        if file.exists():
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def exists(connection: psycopg.Connection, database: str) -> bool:
    """Whether the server has this database."""
    query = "SELECT 1 FROM pg_database WHERE datname = %s"
    return connection.execute(query, [database]).fetchone() is not None


def drop(connection: psycopg.Connection, database: str) -> None:
    """Remove the database with all who are still connected to it."""
    connection.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
            sql.Identifier(database)
        )
    )


def drop_abandoned(connection: psycopg.Connection) -> None:
    """Remove the databases of runs on this machine that were killed."""
    query = "SELECT datname FROM pg_database WHERE datname ~ %s"
    for (name,) in connection.execute(query, [rf"^{PREFIX}_\d+_"]).fetchall():
        if not psutil.pid_exists(int(name.split("_")[2])):
            drop(connection, name)


def watch(directory: Path) -> None:
    """Wait for the end of the run, then end its servers and remove their files."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(os.environ[RUN_PID])).wait()
    if directory.exists():
        Servers(directory).stop()
        shutil.rmtree(directory, ignore_errors=True)


def main(action: str, directory: Path) -> None:
    """`python -m tests.servers start|stop|watch DIR`."""
    servers = Servers(directory.resolve())
    if action == "start":
        servers.start()
        sys.stdout.write(f"{servers.postgres.url}\n{servers.redis.url}\n")
    elif action == "stop":
        servers.stop()
    elif action == "watch":
        watch(directory)
    else:
        raise SystemExit(f"unknown action: {action}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
