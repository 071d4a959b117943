"""Finding executions by what no index knows, at a price that does not grow.

Time and workflow are read from indexes. Everything else is looked for among so many
of the newest executions only; whoever wants more goes on from where the look ended.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce, Now

from apps.core.ids import uuid7_floor
from apps.executions import selectors
from apps.executions.labels import Sought, with_labels
from apps.executions.models import Execution

# Executions looked at for one page; fewer where their documents have to be read.
WINDOW, TEXT_WINDOW = 10_000, 2_000
# So far, when it has not ended: as the list shows it.
_LASTED = ExpressionWrapper(
    Coalesce(F("finished_at"), Now()) - F("started_at"), output_field=DurationField()
)
_PLATFORM = Q(status=Execution.FAILED, error__kind="platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; None and empty texts stand for anything.

    Attributes:
        is_crash: failures by the platform's fault only, or none of them.
        since, until: when it was accepted.
        labels: all of them must be there.
        text: stands in the inputs or outputs, as JSON writes them.
    """

    statuses: tuple[str, ...] = ()
    is_crash: bool | None = None
    workflow_id: uuid.UUID | None = None
    trigger: str = ""
    user_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    shortest: timedelta | None = None
    longest: timedelta | None = None
    labels: tuple[Sought, ...] = ()
    text: str = ""

    @property
    def is_open(self) -> bool:
        """Whether only open ones are looked for: an index of their own has those."""
        return bool(self.statuses) and set(self.statuses) <= Execution.OPEN


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, newest first.

    Attributes:
        next: the id before which the next page begins; None: there is no more.
        is_cut: older ones were not looked at yet.
    """

    rows: list[Execution]
    next: uuid.UUID | None
    is_cut: bool


def search(wanted: Wanted, *, before: uuid.UUID | None, limit: int) -> Found:
    """The newest executions that fit, older than the id `before`."""
    # Also without any condition: it keeps the planner from reading the whole table.
    is_bounded = wanted.is_open and not wanted.text
    edge = None if is_bounded else _edge(wanted, before)
    rows = _fitting(wanted, before)
    if edge is not None:
        rows = rows.filter(id__gte=edge)
    found = list(rows[: limit + 1])
    if len(found) > limit:
        return Found(found[:limit], found[limit - 1].id, is_cut=False)
    return Found(found, edge, is_cut=edge is not None)


def _edge(wanted: Wanted, before: uuid.UUID | None) -> uuid.UUID | None:
    """Where the look ends; None: with the oldest there is."""
    window = TEXT_WINDOW if wanted.text else WINDOW
    rows = _within(Execution.objects.all(), wanted, before)
    return rows.values_list("id", flat=True)[window - 1 : window].first()


def _within(
    rows: QuerySet[Execution], wanted: Wanted, before: uuid.UUID | None
) -> QuerySet[Execution]:
    """What indexes know, newest first."""
    if before is not None:
        rows = rows.filter(id__lt=before)
    rows = between(rows, wanted.since, wanted.until)
    if wanted.workflow_id is None:
        return rows.order_by("-id")
    # Both bounds, and the first part of the order, leave the planner only the index
    # by workflow: with `=` it may walk all executions by id.
    same = {
        "workflow_id__gte": wanted.workflow_id,
        "workflow_id__lte": wanted.workflow_id,
    }
    return rows.filter(**same).order_by("workflow_id", "-id")


def between(
    rows: QuerySet[Execution], since: datetime | None, until: datetime | None
) -> QuerySet[Execution]:
    """Those accepted in that time."""
    if since is not None:
        rows = rows.filter(id__gte=uuid7_floor(since))
    if until is not None:
        rows = rows.filter(id__lt=uuid7_floor(until))
    return rows


def _fitting(wanted: Wanted, before: uuid.UUID | None) -> QuerySet[Execution]:
    listed = selectors.execution_list(trigger=wanted.trigger or None)
    rows = _within(listed, wanted, before)
    if wanted.statuses:
        rows = rows.filter(status__in=wanted.statuses)
    return narrowed(rows, wanted)


def narrowed(rows: QuerySet[Execution], wanted: Wanted) -> QuerySet[Execution]:
    """Those that fit in what no index knows: it is looked at row by row."""
    if wanted.is_crash is True:
        rows = rows.filter(_PLATFORM)
    if wanted.is_crash is False:
        own = Q(error=None) | Q(error__kind=None) | ~Q(error__kind="platform")
        rows = rows.filter(own)
    if wanted.user_id is not None:
        rows = rows.filter(triggered_by=wanted.user_id)
    rows = with_labels(_by_duration(rows, wanted), wanted.labels)
    return _by_text(rows, wanted.text)


def _by_duration(rows: QuerySet[Execution], wanted: Wanted) -> QuerySet[Execution]:
    if wanted.shortest is None and wanted.longest is None:
        return rows
    rows = rows.alias(lasted=_LASTED)
    if wanted.shortest is not None:
        rows = rows.filter(lasted__gte=wanted.shortest)
    if wanted.longest is not None:
        rows = rows.filter(lasted__lte=wanted.longest)
    return rows


def _by_text(rows: QuerySet[Execution], text: str) -> QuerySet[Execution]:
    if not text:
        return rows
    rows = rows.alias(
        read_inputs=Cast("inputs", TextField()),
        read_outputs=Cast("outputs", TextField()),
    )
    return rows.filter(Q(read_inputs__icontains=text) | Q(read_outputs__icontains=text))
