"""What the first page shows."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.ids import uuid7_floor
from apps.core.types import JsonObject
from apps.dashboard.selectors.rows import ExecutionRows
from apps.dashboard.wording import CRASHED, SHOWN_STATES
from apps.executions import history
from apps.executions import selectors as executions
from apps.executions.models import Execution

WEEK = timedelta(days=7)
RECENT, OPEN_SHOWN, FAILURES_READ, ATTENTION, LATE_SHOWN = 12, 20, 50, 5, 5
# Bars from below: what went well stands on the axis.
CHARTED = ("completed", "cancelled", "running", "waiting", "queued", "failed", CRASHED)
_ENDED = ("completed", "failed", CRASHED)


@dataclass(frozen=True, slots=True)
class Range:
    """A time back from now, in equal parts."""

    key: str
    label: str
    step: timedelta
    parts: int
    format: str

    @property
    def length(self) -> timedelta:
        return self.step * self.parts


RANGES = {
    one.key: one
    for one in (
        Range("24h", "24 hours", timedelta(hours=1), 24, "%H:00"),
        Range("7d", "7 days", timedelta(hours=6), 28, "%a %H:00"),
        Range("30d", "30 days", timedelta(days=1), 30, "%b %d"),
    )
}


def range_of(key: str) -> Range:
    """The range of this name, 24 hours for none.

    Raises:
        Invalid: there is no such range.
    """
    if key and key not in RANGES:
        raise Invalid(f"The range {key[:20]!r} is none of {', '.join(RANGES)}.")
    return RANGES[key or "24h"]


class Home:
    """What the first page shows; each part is read when it is shown."""

    def __init__(self, key: str = "") -> None:
        self.range = range_of(key)
        self.ranges = tuple(RANGES.values())

    @cached_property
    def _start(self) -> datetime:
        """The beginning of the first part: parts are as people count, in UTC."""
        step_s = self.range.step.total_seconds()
        last = timezone.now().timestamp() // step_s * step_s
        first = last - step_s * (self.range.parts - 1)
        return datetime.fromtimestamp(first, tz=UTC)

    @cached_property
    def _counted(self) -> history.OverTime:
        """This range and the one before it, to compare with."""
        return history.over_time(self._start - self.range.length, self.range.step)

    def _sum(self, state: str, *, is_before: bool = False) -> int:
        return sum(
            found.get(state, 0)
            for moment, found in self._counted.counts.items()
            if (moment < self._start) is is_before
        )

    @cached_property
    def counts(self) -> list[tuple[str, int]]:
        """The range by state, as states are shown."""
        return [(state, self._sum(state)) for state in SHOWN_STATES]

    @cached_property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def is_cut(self) -> bool:
        """Whether there were more than are counted."""
        return self._counted.is_cut

    def _rate(self, *, is_before: bool) -> float | None:
        good, *bad = (self._sum(state, is_before=is_before) for state in _ENDED)
        total = good + sum(bad)
        return 100 * good / total if total else None

    @cached_property
    def success_rate(self) -> float | None:
        """Completed among those that completed or failed, in percent."""
        return self._rate(is_before=False)

    @cached_property
    def success_change(self) -> float | None:
        """How many points it rose; None: nothing to compare with."""
        before = None if self.is_cut else self._rate(is_before=True)
        if before is None or self.success_rate is None:
            return None
        return self.success_rate - before

    @cached_property
    def chart(self) -> JsonObject:
        """Counts by time and state, for the chart and its table."""
        moments = [self._start + n * self.range.step for n in range(self.range.parts)]
        counts = self._counted.counts
        series = [
            {
                "state": state,
                "values": [counts.get(m, {}).get(state, 0) for m in moments],
            }
            for state in CHARTED
        ]
        labels = [f"{moment:{self.range.format}}" for moment in moments]
        return {
            "labels": labels,
            "series": [one for one in series if any(one["values"])],
        }

    @property
    def table(self) -> list[tuple[str, list[int]]]:
        """The chart in numbers, the newest first; parts without any left out."""
        columns = [one["values"] for one in self.chart["series"]]
        rows = [
            (label, [values[at] for values in columns])
            for at, label in enumerate(self.chart["labels"])
        ]
        return [row for row in reversed(rows) if any(row[1])]

    @cached_property
    def recent(self) -> ExecutionRows:
        """What is open and what began last, newest first."""
        rows = executions.execution_list()
        open_ = rows.filter(status__in=Execution.OPEN).order_by("-id")[:OPEN_SHOWN]
        last = rows.order_by("-id")[:RECENT]
        found = {row.id: row for row in (*open_, *last)}
        return ExecutionRows(sorted(found.values(), key=lambda row: row.id)[::-1])

    @cached_property
    def failures(self) -> list[tuple[Execution, int]]:
        """The last failure of each workflow this week, and how many there were."""
        rows = executions.execution_list(statuses=[Execution.FAILED])
        since = uuid7_floor(timezone.now() - WEEK)
        found: dict[uuid.UUID, list[Execution]] = {}
        for row in rows.filter(id__gte=since).order_by("-id")[:FAILURES_READ]:
            found.setdefault(row.workflow_id, []).append(row)
        return [(same[0], len(same)) for same in found.values()][:ATTENTION]

    @cached_property
    def late(self) -> list[tuple[Execution, str]]:
        """Open executions that should be further, and what is wrong with each."""
        now = timezone.now()
        rows = history.late(now)[:LATE_SHOWN]
        return [(row, _lateness(row, now)) for row in rows]


def _lateness(execution: Execution, now: datetime) -> str:
    if execution.status == Execution.QUEUED:
        return "waits for a free worker longer than a minute"
    if execution.status == Execution.WAITING:
        return "should have gone on already; is the scheduler running?"
    if execution.lease_until and execution.lease_until < now:
        return "its worker has gone silent; another one takes it over"
    return "was asked to stop and does not end"
