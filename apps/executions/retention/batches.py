"""Finding and deleting ended executions of one workflow, a small batch at a time.

A batch is one short transaction that locks only ended rows, which no worker writes
to, and waits for nobody: what others hold is left for the next pass. So any number
of pruners may work at once.
"""

import logging
import uuid
from dataclasses import dataclass

import psycopg
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

from apps.core import tenancy
from apps.executions.models import Execution
from apps.executions.retention.rules import Rule

log = logging.getLogger(__name__)

BATCH = 500
# Rows looked at by one statement while none of them is due.
WINDOW = 5_000
# Executions may have many records each: a batch ends when it has met so many.
MOST_RECORDS = 20_000
LOCK_TIMEOUT = "1s"
_OPEN, _FINAL = sorted(Execution.OPEN), sorted(Execution.FINAL)


@dataclass(frozen=True, slots=True)
class Window:
    """A look at a workflow's oldest executions.

    Attributes:
        due: those to delete, oldest first.
        last: where the next look begins; None: this was the last one.
    """

    due: list[uuid.UUID]
    last: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one batch has deleted.

    Attributes:
        with_files: the executions that had artifacts.
        files: names of the artifacts' files, which are still there.
        until: the last execution that the batch looked at.
    """

    executions: int = 0
    records: int = 0
    with_files: tuple[uuid.UUID, ...] = ()
    files: tuple[str, ...] = ()
    until: uuid.UUID | None = None


# `BETWEEN`: see `rules`.
_LOOK = """
    WITH seen AS MATERIALIZED (
        SELECT id, status, finished_at FROM executions_execution
        WHERE workflow_id BETWEEN %(workflow)s AND %(workflow)s
            AND id > %(after)s AND id < %(before)s
        ORDER BY workflow_id DESC, id LIMIT %(window)s),
    due AS (
        SELECT id FROM seen WHERE finished_at < CASE status
            WHEN 'completed' THEN %(completed)s::timestamptz
            WHEN 'cancelled' THEN %(completed)s::timestamptz
            WHEN 'failed' THEN %(failed)s::timestamptz END
        ORDER BY id LIMIT %(batch)s)
    SELECT ARRAY(SELECT id FROM due ORDER BY id), (SELECT count(*) FROM seen),
        (SELECT id FROM seen ORDER BY id DESC LIMIT 1)
"""


def look(rule: Rule, *, after: uuid.UUID, before: uuid.UUID, size: int) -> Window:
    """What is due among the workflow's first `size` executions between two ids."""
    values = {
        "workflow": rule.workflow_id,
        "after": after,
        "before": before,
        "completed": rule.completed_before,
        "failed": rule.failed_before,
        "window": size,
        "batch": BATCH,
    }
    with tenancy.tenant(rule.organization_id), connection.cursor() as cursor:
        cursor.execute(_LOOK, values)
        due, count, last = cursor.fetchone()
    if len(due) == BATCH:
        return Window(due, due[-1])
    return Window(due, last if count == size else None)


def first_kept(rule: Rule) -> uuid.UUID | None:
    """The oldest of the newest ended ones that are always kept.

    None: there are not more than those, so none is due.
    """
    rows = Execution.objects.filter(
        workflow_id__gte=rule.workflow_id,  # see `rules`
        workflow_id__lte=rule.workflow_id,
        status__in=Execution.FINAL,
        test__isnull=True,  # tests of one step would push real ones out
    )
    with tenancy.tenant(rule.organization_id):
        newest = rows.order_by("workflow_id", "-id").values_list("id", flat=True)
        found = newest[rule.keep_last - 1 : rule.keep_last + 1]
        return found[0] if len(found) > 1 else None


def delete(rule: Rule, due: list[uuid.UUID]) -> Deleted:
    """Delete these executions and all that is theirs in the database.

    Left out are those that somebody holds, and those that an open execution needs.
    Files stay, for the caller to remove once this has been committed.
    """
    try:
        with tenancy.tenant(rule.organization_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT]
            )
            return _deleted(cursor, due)
    except OperationalError as error:
        if not isinstance(
            error.__cause__,
            psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected,
        ):
            raise
        log.info("batch left for later", extra={"workflow_id": rule.workflow_id})
        return Deleted(until=due[-1])


# Ended ones that were retried or started from what goes.
_UNLINK = (
    "UPDATE executions_execution SET retry_of = NULL WHERE retry_of = ANY(%s)",
    "UPDATE executions_execution SET parent_id = NULL WHERE parent_id = ANY(%s)",
)
_DELETE = (
    "DELETE FROM executions_wait WHERE execution_id = ANY(%s)",
    "DELETE FROM executions_idempotencykey WHERE execution_id = ANY(%s)",
)


def _deleted(cursor: CursorWrapper, due: list[uuid.UUID]) -> Deleted:
    # First held, then asked what needs them: who retries one holds it too.
    cursor.execute(
        "SELECT id FROM executions_execution WHERE id = ANY(%s) AND status = ANY(%s)"
        " ORDER BY id FOR UPDATE SKIP LOCKED",
        [due, _FINAL],
    )
    held = [row[0] for row in cursor.fetchall()]
    needed = _needed(cursor, held)
    free = [one for one in held if one not in needed]
    going, is_all = _bounded(cursor, free)
    until = due[-1] if is_all else going[-1]
    if not going:
        return Deleted(until=until)
    cursor.execute(
        "DELETE FROM executions_artifact WHERE execution_id = ANY(%s)"
        " RETURNING execution_id, file",
        [going],
    )
    artifacts = cursor.fetchall()
    for statement in (*_UNLINK, *_DELETE):
        cursor.execute(statement, [going])
    # Before their execution: the cascade would look for them one execution by one.
    cursor.execute(
        "DELETE FROM executions_steprecord WHERE execution_id = ANY(%s)", [going]
    )
    records = cursor.rowcount
    cursor.execute("DELETE FROM executions_execution WHERE id = ANY(%s)", [going])
    return Deleted(
        executions=cursor.rowcount,
        records=records,
        with_files=tuple(sorted({row[0] for row in artifacts})),
        files=tuple(row[1] for row in artifacts),
        until=until,
    )


# Downwards to all that was started or retried from one, however deep: an open one
# there may read what its forebears recorded. Upwards to the parent alone, which
# looks at its children and must not start one twice.
_NEEDED = """
    WITH RECURSIVE tree AS (
        SELECT id AS root, id, false AS is_open FROM unnest(%(ids)s::uuid[]) AS id
        UNION
        SELECT tree.root, child.id, child.status = ANY(%(open)s)
        FROM tree CROSS JOIN LATERAL (
            SELECT e.id, e.status FROM executions_execution e
                WHERE e.parent_id = tree.id
            UNION ALL
            SELECT e.id, e.status FROM executions_execution e
                WHERE e.retry_of = tree.id) child)
    SELECT root FROM tree WHERE is_open
    UNION
    SELECT e.id FROM executions_execution e
        JOIN executions_execution parent ON parent.id = e.parent_id
    WHERE e.id = ANY(%(ids)s) AND parent.status = ANY(%(open)s)
"""


def _needed(cursor: CursorWrapper, ids: list[uuid.UUID]) -> set[uuid.UUID]:
    cursor.execute(_NEEDED, {"ids": ids, "open": _OPEN})
    return {row[0] for row in cursor.fetchall()}


def _bounded(
    cursor: CursorWrapper, ids: list[uuid.UUID]
) -> tuple[list[uuid.UUID], bool]:
    """The first of these that are not too much for one transaction; whether all."""
    cursor.execute(
        "SELECT execution_id, count(*) FROM executions_steprecord"
        " WHERE execution_id = ANY(%s) GROUP BY execution_id",
        [ids],
    )
    records = dict(cursor.fetchall())
    total = 0
    for number, one in enumerate(ids):
        total += records.get(one, 0)
        if number and total > MOST_RECORDS:
            return ids[:number], False
    return ids, True
