"""Fixtures that run workflows: in this process, or on a real worker and beat."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.types import Json
from apps.executions.models import Execution, StepRecord
from apps.executions.services import execution_start
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_create

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0


def wait_for(
    happens: Callable[[], Any], *, within: float = PATIENCE_S, what: str = ""
) -> Any:
    """What `happens` gives once it is true; fails the test when it never is."""
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        if found := happens():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never happened within {within} s: {what or happens}")


@dataclass
class Engine:
    """Starts workflows of one organization and looks at what became of them."""

    viewer: Viewer

    def workflow(self, document: dict[str, Any]) -> Workflow:
        """A saved workflow; unnamed documents get a name."""
        name = document.get("name", f"w-{uuid.uuid4().hex[:8]}")
        with tenancy.tenant(self.viewer.organization_id):
            return workflow_create(by=self.viewer, document={"name": name, **document})

    def start(self, workflow: Workflow | dict[str, Any], **options: Any) -> Execution:
        """Start it; the bell rings after the commit."""
        if isinstance(workflow, dict):
            workflow = self.workflow(workflow)
        with tenancy.tenant(self.viewer.organization_id):
            return execution_start(
                workflow=workflow, trigger="api", by=self.viewer, **options
            )

    def run(self, workflow: Workflow | dict[str, Any], **options: Any) -> Execution:
        """Start it and run it to its end in this process."""
        from apps.executions.local import run_here

        execution = self.start(workflow, **options)
        run_here(execution)
        return self.now(execution)

    def run_started(self, execution_id: str) -> Execution:
        """Run an execution that was started elsewhere, such as over REST."""
        from apps.executions.local import run_here

        with self.scope():
            execution = Execution.objects.get(id=execution_id)
        run_here(execution)
        return self.now(execution)

    def scope(self) -> Any:
        """A transaction that sees the organization's rows."""
        return tenancy.tenant(self.viewer.organization_id)

    def now(self, execution: Execution) -> Execution:
        """The execution as it stands now."""
        with tenancy.tenant(self.viewer.organization_id):
            return Execution.objects.get(id=execution.id)

    def records(self, execution: Execution) -> list[StepRecord]:
        """All its step records, in order."""
        with tenancy.tenant(self.viewer.organization_id):
            rows = StepRecord.objects.filter(execution_id=execution.id)
            return list(rows.order_by("position", "attempt"))

    def paths(self, execution: Execution) -> list[str]:
        """`path status` of each record."""
        return [f"{row.path} {row.status}" for row in self.records(execution)]

    def output(self, execution: Execution, path: str) -> Json:
        """The recorded output of a path."""
        return next(r.output for r in self.records(execution) if r.path == path)

    def ended(self, execution: Execution, *, within: float = PATIENCE_S) -> Execution:
        """Wait for its end."""

        def look() -> Execution | None:
            found = self.now(execution)
            return found if found.is_final else None

        found: Execution = wait_for(look, within=within, what="the execution ends")
        return found

    def until(self, execution: Execution, status: str) -> Execution:
        """Wait for a status."""
        wait_for(lambda: self.now(execution).status == status, what=status)
        return self.now(execution)


@pytest.fixture
def engine(transactional_db: None, alice: Any) -> Engine:
    """Workflows of alice's organization; transactions are real."""
    return Engine(alice.viewer)


@dataclass
class Program:
    """A process of the platform that a test started."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def start(self, log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, "RPA_BOOTSTRAP": "0", **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[psutil.Process]:
        """Its direct children: for a worker, those of its pool."""
        return psutil.Process(self.pid).children()

    def kill(self) -> None:
        """`kill -9` of it and, as in a power cut, of all below it."""
        family = [psutil.Process(self.pid)]
        family += family[0].children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self.process is not None
        self.process.wait(10)

    def stop(self, within: float = 30) -> None:
        """SIGTERM, then wait; kill what does not end."""
        if self.process is None or self.process.poll() is not None:
            return
        family = psutil.Process(self.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


Started = Callable[..., Program]


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[Started]:
    """Starts `manage.py …` processes that end with the test."""
    started: list[Program] = []

    def start(*arguments: str, **environment: str) -> Program:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        program = Program(command, environment)
        program.start(tmp_path / f"{arguments[0]}-{len(started)}.log")
        started.append(program)
        return program

    yield start
    for program in reversed(started):
        program.stop()


@pytest.fixture
def start_worker(start_program: Started) -> Started:
    """Starts a real Celery worker and waits until it is there."""
    from apps.executions.models import Worker

    def start(*arguments: str, **environment: str) -> Program:
        known = set(Worker.objects.values_list("name", flat=True))
        program = start_program("worker", *arguments, **environment)
        wait_for(
            lambda: set(Worker.objects.values_list("name", flat=True)) - known,
            what=f"worker starts, see {program.log}",
        )
        return program

    return start


@pytest.fixture
def worker(engine: Engine, start_worker: Started) -> Program:
    """A worker of five."""
    assert settings.WORKFLOW_MAX_CONCURRENT == 5
    return start_worker(WORKER_GRACE="2")


@pytest.fixture
def beat(engine: Engine, start_program: Started) -> Program:
    """A beat process, with reconciler, waker and publisher."""
    from apps.core.models import Heartbeat

    program = start_program("beat")
    wait_for(Heartbeat.objects.filter(name="scheduler").exists, what="beat starts")
    return program
