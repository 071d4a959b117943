"""An execution's steps as people read them: in order, loops folded, on one time scale.

A step's path says where it stands: `rows[17].mail` is the step `mail` in the 18th
round of the loop `rows`, `block~2.mail` the one in the block's second attempt.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.executions.models import Execution, StepRecord

_SEGMENT = re.compile(r"([^~\[]+)(?:~(\d+))?(?:\[(\d+)\])?")
_NARROWEST = 0.7  # percent; a bar below it could not be seen
_BAD = frozenset({StepRecord.FAILED, StepRecord.UNKNOWN})


@dataclass(frozen=True)
class Bar:
    """Where a bar stands, in percent of the track."""

    left: float
    width: float

    @property
    def x(self) -> str:
        return f"{self.left:.2f}%"

    @property
    def w(self) -> str:
        return f"{self.width:.2f}%"


@dataclass
class Line:
    """One step: its last attempt, and the rounds of its body if it is a loop."""

    record: StepRecord
    start: datetime
    end: datetime
    is_reused: bool
    rounds: "dict[str, Round]" = field(default_factory=dict)
    bar: Bar | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is shown unfolded: something in it went wrong."""
        return any(one.is_open for one in self.rounds.values())

    @property
    def took_ms(self) -> float:
        """Its duration so far."""
        if self.record.duration_ms is not None:
            return self.record.duration_ms
        return (self.end - self.start).total_seconds() * 1000


@dataclass
class Round:
    """One round of a loop, or one further attempt of a block."""

    key: str
    label: str
    lines: list[Line] = field(default_factory=list)
    bar: Bar | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is shown unfolded: something in it went wrong."""
        return any(one.record.status in _BAD or one.is_open for one in self.lines)

    @property
    def status(self) -> str:
        """The state that tells most about its steps."""
        found = {one.record.status for one in self.lines}
        for status in ("failed", "unknown", "running", "waiting", "cancelled"):
            if status in found:
                return status
        return StepRecord.COMPLETED

    @property
    def count(self) -> int:
        return len(self.lines)

    @property
    def start(self) -> datetime:
        return min(one.start for one in self.lines)

    @property
    def end(self) -> datetime:
        return max(one.end for one in self.lines)

    @property
    def took_ms(self) -> float:
        """From its first step's start to its last one's end."""
        return (self.end - self.start).total_seconds() * 1000


@dataclass(frozen=True)
class Timeline:
    """All lines, and how long the whole scale is."""

    lines: list[Line]
    span: timedelta


def timeline(
    execution: Execution, records: Iterable[StepRecord], now: datetime
) -> Timeline:
    """Put records, in their order, into lines.

    Args:
        now: where the bars of steps that still run end.
    """
    known: dict[str, Line] = {}
    lines: list[Line] = []
    for record in records:
        line = _line(execution, record, now)
        known[record.path] = line
        _home_of(record.path, known, lines).append(line)
    fresh = [one for one in known.values() if not one.is_reused]
    if not fresh:
        return Timeline(lines, timedelta(0))
    start = min(one.start for one in fresh)
    end = max(one.end for one in fresh)
    _draw(lines, start, max(end - start, timedelta(milliseconds=1)))
    return Timeline(lines, end - start)


def _line(execution: Execution, record: StepRecord, now: datetime) -> Line:
    is_reused = bool(
        execution.reused_steps
        and execution.queued_at
        and record.started_at < execution.queued_at
    )
    start = record.started_at
    if record.duration_ms is not None:
        end = start + timedelta(milliseconds=record.duration_ms)
    else:
        end = max(execution.finished_at or now, start)
    return Line(record, start, end, is_reused)


def _home_of(path: str, known: dict[str, Line], lines: list[Line]) -> list[Line]:
    """The list that a path's line belongs into: the nearest round that is known."""
    for outer, key, label in _rounds_of(path):
        if outer in known:
            rounds = known[outer].rounds
            return rounds.setdefault(key, Round(key, label)).lines
    return lines


def _rounds_of(path: str) -> Iterator[tuple[str, str, str]]:
    """Path of the block, the round's key and label; the innermost first."""
    segments = path.split(".")
    for at in range(len(segments) - 1, 0, -1):
        match = _SEGMENT.fullmatch(segments[at - 1])
        if match is None:
            continue
        name, attempt, index = match.groups()
        words = [f"round {int(index) + 1}"] if index is not None else []
        words += [f"attempt {attempt}"] if attempt is not None else []
        outer = ".".join([*segments[: at - 1], name])
        yield outer, ".".join(segments[:at]), ", ".join(words)


def _draw(lines: list[Line], start: datetime, span: timedelta) -> None:
    for line in lines:
        if not line.is_reused:
            line.bar = _bar(line.start, line.end, start, span)
        for one in line.rounds.values():
            if any(not inner.is_reused for inner in one.lines):
                one.bar = _bar(one.start, one.end, start, span)
            _draw(one.lines, start, span)


def _bar(start: datetime, end: datetime, zero: datetime, span: timedelta) -> Bar:
    left = min(max((start - zero) / span * 100, 0.0), 100 - _NARROWEST)
    right = min((end - zero) / span * 100, 100.0)
    return Bar(left, max(right - left, _NARROWEST))
