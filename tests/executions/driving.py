"""Drives the interpreter without a database: a journal in memory, steps for real."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.core.types import Json, JsonObject
from apps.executions.engine.frames import Outcome
from apps.executions.engine.interpreter import Interpreter
from apps.executions.engine.masking import Masker
from apps.executions.engine.ports import Result
from apps.executions.engine.records import Record
from apps.executions.engine.rows import row_of
from apps.executions.engine.strand import Strand
from apps.steps.context import StepContext
from apps.workflows.definition.parser import parse


class MemoryJournal:
    """Keeps records as the real journal does, without committing anything.

    Attributes:
        commits: paths of `write` intents, in order.
        rows: what would have been written, in order: key and row.
    """

    def __init__(self, known: Sequence[Record] = ()) -> None:
        self.rows: list[tuple[tuple[str, int], str]] = []
        self.records: dict[tuple[str, int], Record] = {}
        self.commits: list[str] = []
        self.known: dict[str, list[Record]] = {}
        self.position = 0
        for record in known:
            self.known.setdefault(record.path, []).append(record)
            self.position = max(self.position, record.position + 1)

    def attempts(self, path: str) -> Sequence[Record]:
        return self.known.get(path, ())

    def next_position(self) -> int:
        self.position += 1
        return self.position - 1

    def begin(self, record: Record) -> None:
        self.records[record.path, record.attempt] = record

    def intend(self, record: Record) -> None:
        self.begin(record)
        self.commits.append(record.path)

    def end(self, record: Record) -> None:
        self.begin(record)
        row = row_of(record, Masker({}, ""), inline_bytes=10**6)
        self.rows.append(((record.path, record.attempt), row))

    def must_redo(self, record: Record) -> bool:
        return False

    def may_be_past(self, record: Record) -> bool:
        return False

    def paths(self) -> list[str]:
        found = sorted(self.records.values(), key=lambda record: record.position)
        return [f"{record.path} {record.status}" for record in found]


def read_back(rows: Sequence[tuple[tuple[str, int], str]]) -> list[Record]:
    """The records that a journal finds which wrote these rows before it died."""
    found = [json.loads(row) for row in dict(rows).values()]
    found.sort(key=lambda row: (row["position"], row["attempt"]))
    for row in found:
        row["started_at"] = datetime.fromisoformat(row["started_at"])
        del row["packed"]
    return [Record(**row) for row in found]


@dataclass
class Prepared:
    node: Any
    params: Any
    effect: str
    is_keyed: bool


@dataclass
class DirectPerformer:
    """Runs steps directly; `crash_at` stops the walk as a killed worker would."""

    crash_at: str | None = None
    ran: list[str] = field(default_factory=list)
    paused: list[timedelta] = field(default_factory=list)
    ahead: timedelta = timedelta(0)
    branches_overdue: bool = False

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def prepare(
        self, node: Any, strand: Strand, scope: Any, *, deadline: float | None
    ) -> Prepared:
        params = node.fixed_params
        if params is None:
            rendered = node.params.render(scope) if node.params else {}
            params = node.kind.params_class.model_validate(rendered)
        effect = node.kind.effect_of(params).value
        return Prepared(node, params, effect, node.kind.is_keyed(params))

    def perform(
        self,
        prepared: Prepared,
        record: Record,
        strand: Strand,
        *,
        deadline: float | None,
        resumed: Any,
    ) -> Result:
        self.ran.append(record.path)
        if record.path == self.crash_at:
            raise KeyboardInterrupt  # nothing in the engine catches it
        context = StepContext(
            tools=None,  # type: ignore[arg-type]  # these steps use none
            execution_id="e",
            path=record.path,
            attempt=record.attempt,
            resumed=resumed,
            now=strand.time,
        )
        output = prepared.node.kind.run(prepared.params, context)
        variables = dict(context.variables)
        return Result(
            output,
            json.dumps(output),
            variables,
            json.dumps(variables),
            context.warnings,
        )

    def evaluate(self, value: Any, scope: Any, *, deadline: float | None) -> Json:
        return value.compiled.render(scope)

    def pause(self, duration: timedelta, deadline: float | None) -> None:
        self.paused.append(duration)

    def is_execution_overdue(self) -> bool:
        return False

    def grant_handlers(self) -> None:
        """Nothing to grant."""

    def leave_thread(self) -> None:
        """Nothing to leave."""

    def encode(self, output: Json) -> tuple[Json, str]:
        return output, json.dumps(output)

    def describe(self, failure: BaseException, path: str) -> JsonObject:
        known = getattr(failure, "error", None)
        if isinstance(known, dict):
            return known
        code = getattr(failure, "code", "internal_error")
        return {"code": code, "kind": "step", "message": str(failure), "path": path}


@dataclass
class Walk:
    """One walk over a document and what came of it."""

    journal: MemoryJournal
    performer: DirectPerformer
    strand: Strand
    interpreter: Interpreter
    outcome: Outcome | None = None

    @property
    def outputs(self) -> dict[str, Json]:
        return {name: step["output"] for name, step in self.strand.steps.items()}


STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_walk(
    document: Mapping[str, Any],
    *,
    inputs: Mapping[str, Json] | None = None,
    known: Sequence[Record] = (),
    crash_at: str | None = None,
    ahead: timedelta = timedelta(0),
) -> Walk:
    """A walk that is ready to run."""
    definition = parse({"name": "test", **document})
    strand = Strand(
        seed="seed",
        started_at=STARTED,
        fixed={"inputs": dict(inputs or {})},
        values={},
        steps={},
    )
    for name, value in definition.variables.items():
        strand.values[name] = value.compiled.render(strand.scope)
    journal = MemoryJournal(known)
    performer = DirectPerformer(crash_at=crash_at, ahead=ahead)
    interpreter = Interpreter(
        definition,
        strand=strand,
        journal=journal,
        performer=performer,
        max_iterations=10_000,
    )
    return Walk(journal, performer, strand, interpreter)


def walk(document: Mapping[str, Any], **options: Any) -> Walk:
    """Walk a document to its end."""
    made = make_walk(document, **options)
    made.outcome = made.interpreter.run()
    return made
