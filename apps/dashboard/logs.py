"""What happened in an execution, line by line, as logs say it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.core.errors import Invalid
from apps.dashboard import wording
from apps.executions.engine import masking
from apps.executions.models import Execution, StepRecord

LEVELS = ("info", "warning", "error")
SHOWN = 1_000
_BATCH = 1_000
_BAD = Q(status__in=[StepRecord.FAILED, StepRecord.UNKNOWN])


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when, how grave, where, what."""

    at: datetime
    level: str
    path: str
    text: str

    def __str__(self) -> str:
        place = f" {self.path}:" if self.path else ""
        text = " ".join(self.text.splitlines())
        return f"{wording.clock(self.at)} {self.level.upper():7}{place} {text}"


def level_of(text: str) -> str:
    """The least level to show, `info` unless told.

    Raises:
        Invalid: there is no such level.
    """
    if text and text not in LEVELS:
        raise Invalid(f"The level {text[:20]!r} is none of {', '.join(LEVELS)}.")
    return text or LEVELS[0]


def newest_lines(execution: Execution, level: str) -> tuple[list[LogLine], bool]:
    """The last lines in order, and whether there are more before them."""
    rows = _records(execution, level).order_by("-position", "-attempt")[: SHOWN + 1]
    found = list(rows)
    lines = _in_time(_lines(execution, reversed(found[:SHOWN]), level))
    return lines[-SHOWN:], len(found) > SHOWN or len(lines) > SHOWN


def all_lines(execution: Execution, level: str) -> list[LogLine]:
    """Every line in order; there are only as many as an execution may have records."""
    rows = _records(execution, level).order_by("position", "attempt")
    return _in_time(_lines(execution, rows.iterator(_BATCH), level))


def _in_time(lines: Iterable[LogLine]) -> list[LogLine]:
    # A block ends after the steps in it, but is recorded before them.
    return sorted(lines, key=lambda line: line.at)


def _records(execution: Execution, level: str) -> QuerySet[StepRecord]:
    """All attempts that have something to say at this level."""
    rows = StepRecord.objects.filter(execution_id=execution.id)
    if level == "warning":
        rows = rows.filter(_BAD | ~Q(warnings=[]))
    elif level == "error":
        rows = rows.filter(_BAD, is_final=True)
    return rows.defer("output", "output_packed", "variables", "state")


def _lines(
    execution: Execution, records: Iterable[StepRecord], level: str
) -> Iterator[LogLine]:
    least = LEVELS.index(level)
    for line in _all(execution, records):
        if LEVELS.index(line.level) >= least:
            yield line


def _all(execution: Execution, records: Iterable[StepRecord]) -> Iterator[LogLine]:
    yield LogLine(
        execution.queued_at,
        "info",
        "",
        f"accepted: {wording.TRIGGERS.get(execution.trigger, execution.trigger)}",
    )
    path, at = "", execution.queued_at
    for record in records:
        ended = record.started_at + timedelta(milliseconds=record.duration_ms or 0)
        # Rounded, an attempt may seem to end before the one that it follows.
        at = max(at, ended) if record.path == path else ended
        path = record.path
        yield from _of_record(record, at)
    if execution.is_final and execution.finished_at:
        yield _end(execution, execution.finished_at)


def _of_record(record: StepRecord, end: datetime) -> Iterator[LogLine]:
    name = f"{record.name} ({record.type})" if record.name else record.type
    number = f", attempt {record.attempt}" if record.attempt > 1 else ""
    took = f" in {wording.duration(record.duration_ms)}" if record.duration_ms else ""
    for warning in masking.conceal(record.warnings):
        yield LogLine(end, "warning", record.path, str(warning))
    text = f"{name}{number}: {record.status}{took}"
    message = wording.message_of(record.error)
    if message:
        again = "" if record.is_final else "; tried again"
        text = f"{text}: {message}{again}"
    yield LogLine(end, _level(record), record.path, text)


def _level(record: StepRecord) -> str:
    if record.status not in (StepRecord.FAILED, StepRecord.UNKNOWN):
        return "info"
    return "error" if record.is_final else "warning"


def _end(execution: Execution, at: datetime) -> LogLine:
    level = "error" if execution.status == Execution.FAILED else "info"
    text = wording.state_of(execution.status, execution.error)
    reason = wording.why(execution)
    return LogLine(at, level, "", f"{text}: {reason}" if reason else text)
