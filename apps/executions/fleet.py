"""The workers as people see them, and draining: they belong to the platform."""

import logging
import uuid
from datetime import timedelta

from django.db.models import Case, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat, Now

from apps.accounts.models import User
from apps.core.errors import Conflict, Forbidden, NotFound
from apps.executions.engine.workers import ALIVE_FOR
from apps.executions.models import Worker

log = logging.getLogger(__name__)

ONLINE, DRAINING, DRAINED, LOST = STATES = ("online", "draining", "drained", "lost")
# A worker reads what is asked of it every two seconds; what it took until then counts.
_OBEYS_WITHIN = timedelta(seconds=5)


def worker_list(
    *, pool: str | None = None, state: str | None = None
) -> QuerySet[Worker]:
    """The workers, each with its `state`; those that serve a pool, or are in a state.

    `drained` is one that was told, has been seen since and runs nothing; `lost` one
    that was not seen for the time in which every living one says that it is there.
    """
    has_heard = Q(last_seen_at__gt=F("drain_requested_at") + _OBEYS_WITHIN)
    rows = Worker.objects.annotate(
        state=Case(
            When(last_seen_at__lte=Now() - ALIVE_FOR, then=Value(LOST)),
            When(drain_requested_at=None, then=Value(ONLINE)),
            When(has_heard & Q(active=0), then=Value(DRAINED)),
            default=Value(DRAINING),
            output_field=TextField(),
        )
    )
    if pool is not None:
        rows = rows.annotate(
            around=Concat(Value(","), "pool", Value(","), output_field=TextField())
        ).filter(around__contains=f",{pool},")
    return rows if state is None else rows.filter(state=state)


def worker_get(worker_id: uuid.UUID) -> Worker:
    """One worker, with its `state`.

    Raises:
        NotFound: there is none.
    """
    found = worker_list().filter(id=worker_id).first()
    if found is None:
        raise NotFound("There is no such worker.")
    return found


def worker_drain(*, worker_id: uuid.UUID, by: User | None) -> Worker:
    """Ask a worker to finish what it has and to take no more; again is harmless.

    Raises:
        NotFound: there is no such worker.
        Conflict: `worker_gone`: it was not seen lately.
        Forbidden: who asks is no operator of the platform.
    """
    return _ask(worker_id, by, wanted=True)


def worker_resume(*, worker_id: uuid.UUID, by: User | None) -> Worker:
    """Let a drained worker take executions again; again is harmless.

    Raises: as `worker_drain`.
    """
    return _ask(worker_id, by, wanted=False)


def _ask(worker_id: uuid.UUID, by: User | None, *, wanted: bool) -> Worker:
    if by is None or not by.is_staff:
        raise Forbidden("Only operators of the platform may drain its workers.")
    if worker_get(worker_id).state == LOST:  # type: ignore[attr-defined]  # annotated
        raise Conflict(
            "The worker was not seen lately: it is gone.", code="worker_gone"
        )
    rows = Worker.objects.filter(id=worker_id, drain_requested_at__isnull=wanted)
    if rows.update(drain_requested_at=Now() if wanted else None):
        log.info(
            "worker drained" if wanted else "worker resumed",
            extra={"worker_id": worker_id, "user_id": by.pk},
        )
    return worker_get(worker_id)
