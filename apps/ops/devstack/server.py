"""What the embedded servers share: a directory, a port, a password, one start."""

import fcntl
import json
import os
import secrets
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psutil

from apps.ops.devstack.errors import StackError
from apps.ops.devstack.processes import end_process, free_port, is_port_free, tail

START_ATTEMPTS = 10
START_TIMEOUT_S = 120.0


class EmbeddedServer(ABC):
    """A server whose files, port and password live in one directory.

    `start()` is idempotent, also after an unclean stop: a server that still runs
    there is taken over, a stale pid file is passed over.

    Args:
        data_dir: made when absent; the data, the log and `server.json` live in it.
        detached: the server goes on when this process ends.
    """

    name: ClassVar[str]
    stop_signals: ClassVar[tuple[tuple[int, float], ...]]

    def __init__(self, data_dir: Path, *, detached: bool = False) -> None:
        self.data_dir = data_dir.resolve()
        self.detached = detached
        self.log_file = self.data_dir / f"{self.name}.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._known: tuple[int, str] | None = None

    @property
    def url(self) -> str:
        """The address of the server, with the password; known before the start."""
        return self._address(*self._state)

    @abstractmethod
    def _address(self, port: int, password: str) -> str:
        """The URL at this port."""

    def start(self) -> str:
        """Start the server unless it runs; the URL once it answers.

        Raises:
            StackError: it cannot start; the message has the end of its log.
        """
        with self._lock():
            self._known = self._load_state()
            self._initialize()
            self._bring_up()
        return self.url

    def stop(self) -> None:
        """Stop the server, gently first; nothing happens when it does not run."""
        process = self._find()
        if process is not None:
            end_process(process, self.stop_signals)
        if self._child is not None:
            self._child.wait()  # collect it, so that no zombie stays
            self._child = None

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._find() is not None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        process = self._find()
        return process.pid if process else None

    @abstractmethod
    def _initialize(self) -> None:
        """Make the files the server needs, once."""

    @abstractmethod
    def _find(self) -> psutil.Process | None:
        """The process that serves this directory now."""

    @abstractmethod
    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the server's process."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether a client can sign in."""

    def _bring_up(self) -> None:
        """Wait until the server answers; start it each time that none is there.

        A killed server may still be seen dying, its children may hold its memory for
        a moment longer, and the port may be taken meanwhile: all pass by trying again.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        attempts = 0
        while not self._answers():
            if self._find() is None and not self._is_starting:
                if attempts == START_ATTEMPTS:
                    break
                self._launch()
                attempts += 1
            if time.monotonic() > deadline:
                break
            time.sleep(0.02 if attempts < 2 else 0.5)
        else:
            return
        raise StackError(
            f"{self.name} does not start. The end of {self.log_file}:\n"
            + tail(self.log_file)
        )

    @property
    def _is_starting(self) -> bool:
        """Our child lives but has not written its pid file yet."""
        return self._child is not None and self._child.poll() is None

    def _launch(self) -> None:
        port, password = self._state
        if not is_port_free(port):
            self._known = self._save_state(free_port(), password)
        self._child = self._spawn()

    @property
    def _state(self) -> tuple[int, str]:
        """Port and password, chosen once for the directory."""
        if self._known is None:
            with self._lock():
                self._known = self._load_state()
        return self._known

    def _load_state(self) -> tuple[int, str]:
        try:
            state = json.loads((self.data_dir / "server.json").read_text())
            return int(state["port"]), str(state["password"])
        except (OSError, ValueError, KeyError):
            return self._save_state(free_port(), secrets.token_urlsafe(24))

    def _save_state(self, port: int, password: str) -> tuple[int, str]:
        text = json.dumps({"port": port, "password": password})
        write_private(self.data_dir / "server.json", text)
        return port, password

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Two starts at once wait for each other."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "server.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write_private(file: Path, text: str) -> None:
    """Replace the file in one act; only its owner can read it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
    ) as f:
        f.write(text)
    draft.replace(file)
