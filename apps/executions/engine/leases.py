"""Who runs an execution: renewing leases, handing back, taking over.

Every statement here is conditional on the state it expects, so two workers, a
duplicate message or a worker that woke up late can never both succeed. All times
come from the database's clock.
"""

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from apps.core import tenancy
from apps.core.trips import Statement, run
from apps.core.types import JsonObject
from apps.events.services import emit
from apps.executions.engine import limits


class LeaseLost(BaseException):
    """The execution is another worker's now, or was ended; nothing was written.

    No error of a step: nothing in the walk may catch it and go on.
    """


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one execution, and what it takes to do so.

    Attributes:
        token: fences every later write.
        started_at: first start, by the database's clock.
        running_ms: running time of earlier claims.
        claimed_at: now, by the database's clock.
        is_resumed: whether an earlier claim or a retry may have left records.
        deliveries: how many claims have not ended in order, this one counted.
        limit_key: what it shares a limit with; empty when it has none.
        is_limited: its organization may have only so many running.
        has_masked_inputs: secrets in its inputs stand there as placeholders.
        has_more: others of its pool were queued when it was taken.
        test: which single step it runs, and with what.
    """

    execution_id: uuid.UUID
    organization_id: uuid.UUID
    workflow_id: uuid.UUID
    version_id: uuid.UUID
    token: int
    inputs: JsonObject
    started_at: datetime
    running_ms: int
    timeout_ms: int | None
    dry_run: bool
    depth: int
    trigger: str
    is_resumed: bool
    parent_id: uuid.UUID | None
    claimed_at: datetime
    pool: str
    deliveries: int
    limit_key: str
    is_limited: bool
    has_masked_inputs: bool
    has_more: bool
    test: JsonObject | None


def lease_s() -> float:
    """How long a lease holds without being renewed, in seconds."""
    return float(settings.LEASE_DURATION.total_seconds())


def renew(held: Sequence[tuple[uuid.UUID, int]]) -> dict[uuid.UUID, bool]:
    """Renew leases; gives those still held, and whether a cancel is asked for.

    Args:
        held: execution id and lease token of each.
    """
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution e"
            " SET lease_until = clock_timestamp() + make_interval(secs => %s)"
            " FROM unnest(%s::uuid[], %s::int[]) AS held(id, token)"
            " WHERE e.id = held.id AND e.lease_token = held.token"
            " AND e.status = 'running'"
            " RETURNING e.id, e.cancel_requested_at IS NOT NULL",
            [
                lease_s(),
                [execution_id for execution_id, _ in held],
                [token for _, token in held],
            ],
        )
        return dict(cursor.fetchall())


def cancels_among(execution_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the running executions that somebody asked to cancel."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM executions_execution WHERE id = ANY(%s)"
            " AND cancel_requested_at IS NOT NULL",
            [list(execution_ids)],
        )
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Freed:
    """An execution whose worker is gone, and what became of it."""

    execution_id: uuid.UUID
    organization_id: uuid.UUID
    workflow_id: uuid.UUID
    pool: str
    status: str
    parent_id: uuid.UUID | None
    limit_key: str


# Parents before their children: whoever holds rows of a tree takes them so.
_HOLD_PARENTS = """
    SELECT 1 FROM executions_execution WHERE id IN (
        SELECT parent_id FROM executions_execution e
        WHERE status = 'running' AND parent_id IS NOT NULL AND {condition})
    ORDER BY id FOR NO KEY UPDATE
"""
_FREE = """
    UPDATE executions_execution e SET
        status = CASE
            WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
            WHEN deliveries >= %(limit)s THEN 'failed' ELSE 'queued' END,
        error = CASE
            WHEN cancel_requested_at IS NULL AND deliveries >= %(limit)s
            THEN jsonb_build_object('code', 'worker_lost', 'kind', 'platform',
                'message', format('The worker died %%s times while it ran this.',
                    deliveries), 'path', NULL)
            ELSE error END,
        reason = CASE
            WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
            WHEN deliveries >= %(limit)s THEN 'the worker was lost too often'
            ELSE 'the worker was lost; goes on from the last recorded step' END,
        finished_at = CASE
            WHEN cancel_requested_at IS NOT NULL OR deliveries >= %(limit)s
            THEN clock_timestamp() END,
        running_ms = running_ms + 1000 * extract(epoch FROM GREATEST('0',
            LEAST(clock_timestamp(), lease_until) - claimed_at))::bigint,
        lease_owner = '', lease_until = NULL, rung_at = NULL
    WHERE e.status = 'running' AND {condition}
    RETURNING e.id, organization_id, workflow_id, pool, status, parent_id, limit_key
"""


def free(execution_id: uuid.UUID, token: int) -> list[Freed]:
    """Give back the execution of a child that is known to be dead."""
    return _free(
        "e.id = %(id)s AND e.lease_token = %(token)s", id=execution_id, token=token
    )


def free_owned(owner: str) -> list[Freed]:
    """Give back whatever a process that is known to be dead had claimed."""
    return _free("e.lease_owner = %(owner)s", owner=owner)


def free_expired() -> list[Freed]:
    """Give back every execution whose lease ran out, whoever held it."""
    return _free(
        "e.id IN (SELECT id FROM executions_execution WHERE status = 'running'"
        " AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED LIMIT 500)",
        of_parents="e.lease_until < clock_timestamp()",
    )


@cache
def _process_space() -> str:
    """What tells apart containers, and machines, that share a name but no processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        return f"{os.stat('/proc/self/ns/pid').st_ino}-{boot[:8]}"
    except OSError:  # no Linux
        return "0"


def owner_name(host: str, process_id: int) -> str:
    """How a lease names the process that holds it."""
    return f"{_place(host)}{process_id}"


def own_name() -> str:
    """How leases name this process."""
    return owner_name(socket.gethostname(), os.getpid())


def _place(host: str) -> str:
    return f"{host}/{_process_space()}:"


def free_dead(host: str, is_alive: Callable[[int], bool]) -> list[Freed]:
    """Give back what processes of this host hold that are not there any more.

    A worker that starts again after it was killed so goes on at once, and need not
    wait until the leases of its former self run out.
    """
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, lease_token, lease_owner FROM executions_execution"
            " WHERE status = 'running' AND starts_with(lease_owner, %s)",
            [_place(host)],
        )
        held = cursor.fetchall()
    freed = []
    for execution_id, token, owner in held:
        if not is_alive(int(owner.rpartition(":")[2])):
            freed += free(execution_id, token)
    return freed


def _free(
    condition: str, *, of_parents: str = "", **values: uuid.UUID | int | str
) -> list[Freed]:
    """Give back what fits the condition.

    Args:
        of_parents: the same for finding parents, where it would hold rows.
    """
    parents = _HOLD_PARENTS.format(condition=of_parents or condition)
    with tenancy.system():
        with connection.cursor() as cursor:
            cursor.execute(parents, values)
            cursor.execute(
                _FREE.format(condition=condition),
                {"limit": settings.EXECUTION_MAX_DELIVERIES, **values},
            )
            freed = [Freed(*row) for row in cursor.fetchall()]
        _end_lost([one for one in freed if one.status != "queued"])
    return freed


def _end_lost(ended: Sequence[Freed]) -> None:
    """What else ends with executions of dead workers, in the open transaction."""
    if not ended:
        return
    ids = [one.execution_id for one in ended]
    close_records(*ids)
    tell_waiting(*ids)
    for parent_id in sorted({one.parent_id for one in ended if one.parent_id}):
        wake(parent_id)
    limits.release(one.limit_key for one in ended)
    for one in ended:
        emit(
            f"execution-{one.status}",
            organization_id=one.organization_id,
            workflow_id=one.workflow_id,
            execution_id=one.execution_id,
        )


CHANNEL = "rpa_ended"

# In the RETURNING of a statement that ends executions: by NOTIFY in its transaction,
# so that nobody hears of an end that was rolled back. Most are awaited by nobody.
TELL = f"CASE WHEN is_awaited THEN pg_notify('{CHANNEL}', id::text)::text END"


def tell_waiting(*execution_ids: uuid.UUID) -> None:
    """Tell who waits for these, which the open transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, id::text) FROM executions_execution"
            " WHERE id = ANY(%s) AND is_awaited",
            [CHANNEL, list(execution_ids)],
        )


_CLOSE_RECORDS = """
    WITH closed AS (
        UPDATE executions_wait SET closed_at = clock_timestamp()
        WHERE execution_id = ANY(%(ended)s)
            AND answered_at IS NULL AND closed_at IS NULL)
    UPDATE executions_steprecord SET
        status = CASE WHEN status = 'running' AND effect = 'write'
            THEN 'unknown' ELSE 'cancelled' END,
        error = CASE WHEN status = 'running' AND effect = 'write'
            THEN jsonb_build_object('code', 'unknown_outcome', 'kind', 'platform',
                'message', 'The step was cut off: it is not known whether it did its'
                ' work.', 'path', path)
            ELSE error END
    WHERE execution_id = ANY(%(ended)s) AND status IN ('running', 'waiting')
"""


def closing_records(execution_ids: Sequence[uuid.UUID]) -> Statement:
    """Marks what was still open in executions that ended: cancelled, or unknown.

    A `write` step that had begun may have done its work or not (rule 6).
    """
    return Statement(_CLOSE_RECORDS, {"ended": list(execution_ids)})


def close_records(*execution_ids: uuid.UUID) -> None:
    """Do so in the open transaction."""
    run(closing_records(execution_ids))


def holding(execution_id: uuid.UUID) -> Statement:
    """Keeps everybody else from changing an execution's row."""
    return Statement(
        "SELECT 1 FROM executions_execution WHERE id = %s FOR NO KEY UPDATE",
        [execution_id],
    )


def waking(execution_id: uuid.UUID) -> Statement:
    """Lets a parked execution go on; one that is about to park will not sleep.

    The flag is for the second case: this may come between the check that made the
    parent wait and the commit that parks it. One that is queued may be claimed and
    look before this is committed, so it is flagged too; and its row is held, so that
    it is not claimed meanwhile.
    """
    return Statement(
        "UPDATE executions_execution SET"
        " wake_requested = wake_requested OR status <> 'waiting',"
        " due_at = CASE WHEN status = 'waiting' THEN clock_timestamp()"
        " ELSE due_at END WHERE id = %s AND status IN ('queued', 'running', 'waiting')",
        [execution_id],
    )


def wake(execution_id: uuid.UUID | None) -> None:
    """Do so in the open transaction."""
    if execution_id is not None:
        run(waking(execution_id))


def fail_killed(execution_id: uuid.UUID, token: int, error: JsonObject) -> None:
    """End an execution whose child was killed for breaking a limit."""
    with tenancy.system():
        with connection.cursor() as cursor:
            cursor.execute(
                _HOLD_PARENTS.format(condition="e.id = %(id)s"), {"id": execution_id}
            )
            cursor.execute(
                "UPDATE executions_execution SET status = 'failed', error = %s::jsonb,"
                " reason = %s, finished_at = clock_timestamp(), lease_owner = '',"
                " lease_until = NULL WHERE id = %s AND lease_token = %s"
                " AND status = 'running'"
                " RETURNING id, organization_id, workflow_id, pool, status, parent_id,"
                " limit_key",
                [json.dumps(error), error["message"], execution_id, token],
            )
            ended = [Freed(*row) for row in cursor.fetchall()]
        _end_lost(ended)
