"""Claimed executions, their journals, and steps that look around while they run."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connections

from apps.executions.engine import claims, interrupts
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.journal import Journal, Limits
from apps.executions.engine.masking import Masker
from apps.executions.engine.records import Record
from apps.executions.engine.runner import Place, run_execution
from apps.executions.engine.slots import Slot, SlotTable
from apps.executions.engine.supervisor import Supervisor
from apps.executions.engine.tools import ProcessTools
from apps.executions.engine.workers import Identity, say_gone
from apps.executions.models import Execution, StepRecord
from apps.steps import registry
from tests.fixtures_engine import Engine


def put(step_id: str, value: Any, **more: Any) -> dict[str, Any]:
    """A step that sets the variable of its own name."""
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params, **more}


def write(step_id: str, **more: Any) -> dict[str, Any]:
    """A `write` step; what it does, tests decide by `on_write`."""
    params = {"path": f"{step_id}.txt", "content": "x"}
    return {"id": step_id, "type": "write_file", "params": params, **more}


def nap(step_id: str, seconds: float = 5, **more: Any) -> dict[str, Any]:
    """A step that blocks its worker."""
    params = {"seconds": seconds}
    return {"id": step_id, "type": "delay", "params": params, **more}


def bad(step_id: str, **more: Any) -> dict[str, Any]:
    """A step that fails."""
    return {"id": step_id, "type": "parse_json", "params": {"text": "{"}, **more}


def elsewhere(work: Callable[[], Any]) -> Any:
    """What `work` gives in a thread with a database connection of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found, "the work elsewhere failed"
    return found[0]


@pytest.fixture
def committed(engine: Engine) -> Callable[[Any], list[str]]:
    """`path status` of what is committed, seen from another connection."""

    def look(execution_id: Any) -> list[str]:
        def read() -> list[str]:
            with engine.scope():
                rows = StepRecord.objects.filter(execution_id=execution_id)
                return [f"{row.path} {row.status}" for row in rows.order_by("position")]

        found: list[str] = elsewhere(read)
        return found

    return look


@pytest.fixture
def on_run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Does something before a step of a type does its work: `on_run(type, look)`."""

    def patch(name: str, look: Callable[[Any], Any]) -> None:
        kind = type(registry.find(name))
        run = kind.run

        def looked(self: Any, params: Any, ctx: Any) -> Any:
            look(ctx)
            return run(self, params, ctx)

        monkeypatch.setattr(kind, "run", looked)

    return patch


class Claimed:
    """An execution that this test has claimed, as a worker would."""

    def __init__(self, engine: Engine, execution: Execution, owner: str) -> None:
        lease = claims.claim(execution.id, owner)
        assert lease is not None
        self.engine, self.lease = engine, lease
        self.execution = execution
        self.journal = Journal(
            lease,
            masker=Masker({}, ""),
            limits=Limits(max_records=1_000, inline_bytes=1_000),
        )

    def record(self, path: str, **more: Any) -> Record:
        position = self.journal.next_position()
        started = self.lease.claimed_at
        return Record(path, path, "set_variable", position, started, **more)

    def paths(self) -> list[str]:
        return self.engine.paths(self.execution)


@pytest.fixture
def claim(engine: Engine) -> Callable[..., Claimed]:
    """Claims an execution, a new one unless one is given."""

    def make(execution: Execution | None = None, owner: str = "here:1") -> Claimed:
        execution = execution or engine.start({"steps": [put("a", 1)]})
        return Claimed(engine, execution, owner)

    return make


class Child:
    """A child of a worker: runs one claim at a time, under a supervisor."""

    def __init__(self) -> None:
        self.table = SlotTable(1)
        self.slot = Slot(self.table, 0)
        self.place = Place(self.slot, ProcessTools(), Flusher())
        self.identity = Identity(pool="test", capacity=1)
        self.supervisor = Supervisor(self.table, self.identity, may_kill=False)

    def run(self, execution: Execution) -> bool:
        """Run one claim of it, to its end or the next wait."""
        return run_execution(execution.id, self.place)


@pytest.fixture
def child(engine: Engine) -> Iterator[Child]:
    """A child in this process."""
    before = signal.getsignal(interrupts.SIGNAL), signal.getsignal(signal.SIGALRM)
    made = Child()
    interrupts.install(lambda: made.slot.is_ordered)
    made.supervisor.start()
    yield made
    made.place.flusher.stop()
    made.supervisor.stop()
    made.place.tools.close()
    say_gone(made.identity)
    signal.signal(interrupts.SIGNAL, before[0])
    signal.signal(signal.SIGALRM, before[1])


@pytest.fixture
def meanwhile(engine: Engine) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Does something from another thread while the main thread runs a workflow."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], Any]) -> None:
        def run() -> None:
            try:
                work()
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection as the owner of the tables, past row level security."""
    with psycopg.connect(
        django_settings.DATABASE_OWNER_URL, autocommit=True
    ) as connection:
        yield connection


@pytest.fixture
def cut_connections() -> Callable[[], int]:
    """Ends every connection of the application to this test's database."""

    def cut() -> int:
        with owner_connection() as connection:
            found = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name LIKE 'rpa%'"
            ).fetchone()
        assert found is not None
        return int(found[0])

    return cut
