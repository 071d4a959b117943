"""Taking a queued execution: which is next, and the right to run it.

Within an organization the order is that of `order_at`: priority with ageing, then
age. Between organizations the one with the fewest running in the pool goes first,
chance deciding between equals, so that nobody's thousand keep out another's one. An
organization that has as many running as it may has to wait.
"""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connection

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.core.trips import Statement, one_trip
from apps.executions.engine.leases import Lease, lease_s
from apps.executions.engine.limits import LOCK

# One statement claims, tells of the first start, and gives what a lease holds. Of an
# organization with a limit it only says that it is its turn: see `_claim_limited`.
_CLAIM = """
    claimed AS (
        UPDATE executions_execution e SET
            status = 'running', lease_owner = %(owner)s, lease_token = lease_token + 1,
            deliveries = deliveries + 1, reason = '', due_at = NULL,
            lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
            claimed_at = clock_timestamp(),
            started_at = COALESCE(started_at, clock_timestamp())
        WHERE e.id = (SELECT id FROM chosen WHERE NOT must_lock)
            AND status = 'queued' AND NOT is_held
            AND (due_at IS NULL OR due_at <= clock_timestamp())
        RETURNING e.*),
    told AS (
        INSERT INTO events_event
            (id, type, organization_id, workflow_id, execution_id, payload)
        SELECT %(event)s::uuid, 'execution-started', organization_id, workflow_id, id,
            '{{}}'
        FROM claimed WHERE lease_token = 1)
    SELECT must_lock, chosen.organization_id,
        c.id, c.organization_id, c.workflow_id, c.version_id, c.lease_token,
        c.inputs::text, c.started_at, c.running_ms, c.timeout_ms, c.dry_run, c.depth,
        c.trigger, c.lease_token > 1 OR c.reused_steps > 0, c.parent_id, c.claimed_at,
        c.pool, c.deliveries, c.limit_key, is_limited, c.has_masked_inputs,
        {has_more}, c.test::text
    FROM chosen LEFT JOIN claimed c ON true
"""
_BY_ID = f"""
    WITH chosen AS (
        SELECT e.id, organization_id, false AS must_lock,
            o.max_concurrent IS NOT NULL AS is_limited
        FROM executions_execution e JOIN accounts_organization o
            ON o.id = organization_id
        WHERE e.id = %(id)s),
    {_CLAIM.format(has_more="false")}
"""  # noqa: S608  # constants of ours only

_QUEUED = (
    "status = 'queued' AND NOT is_held AND pool = %(pool)s"
    " AND (due_at IS NULL OR due_at <= clock_timestamp())"
)
_HAS_MORE = (
    f"EXISTS (SELECT 1 FROM executions_execution q WHERE {_QUEUED}"  # noqa: S608
    " AND q.id <> chosen.id)"
)
_NEXT = f"""
    WITH RECURSIVE
    -- Organizations with something queued, each found by one probe of the index.
    waiting (organization_id) AS (
        (SELECT organization_id FROM executions_execution WHERE {_QUEUED}
            ORDER BY organization_id LIMIT 1)
        UNION ALL
        SELECT next.organization_id FROM waiting, LATERAL (
            SELECT organization_id FROM executions_execution WHERE {_QUEUED}
                AND organization_id > waiting.organization_id
            ORDER BY organization_id LIMIT 1) next),
    busy AS (
        SELECT organization_id, count(*) AS running,
            count(*) FILTER (WHERE pool = %(pool)s) AS here
        FROM executions_execution
        WHERE status = 'running' GROUP BY organization_id),
    turn AS MATERIALIZED (
        SELECT organization_id, max_concurrent IS NOT NULL AS is_limited
        FROM waiting JOIN accounts_organization o ON o.id = organization_id
            LEFT JOIN busy USING (organization_id)
        WHERE NOT organization_id = ANY(%(without)s)
            AND (%(locked)s::uuid IS NULL OR organization_id = %(locked)s)
            AND (max_concurrent IS NULL OR COALESCE(running, 0) < max_concurrent)
        ORDER BY COALESCE(here, 0), random()),
    chosen AS (
        SELECT first.id, turn.organization_id, is_limited,
            is_limited AND %(locked)s::uuid IS NULL AS must_lock
        FROM turn, LATERAL (
            SELECT id FROM executions_execution WHERE {_QUEUED}
                AND organization_id = turn.organization_id
            ORDER BY order_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) first
        LIMIT 1),
    {_CLAIM.format(has_more=_HAS_MORE)}
"""  # noqa: S608  # constants of ours only


def claim(execution_id: uuid.UUID, owner: str) -> Lease | None:
    """Take this execution, or None: it is taken, ended, held or not yet due.

    Its organization's limit does not count.
    """
    statement = Statement(_BY_ID, _values(owner, id=execution_id))
    (rows,) = one_trip(statement, organization_id=None)
    return _lease(rows[0]) if rows else None


def claim_next(pools: Iterable[str], owner: str) -> Lease | None:
    """Take the execution of these pools whose turn it is, or None: there is none."""
    for pool in pools:
        lease = _claim_in(pool, owner)
        if lease is not None:
            return lease
    return None


def chained(pool: str, owner: str) -> list[Statement]:
    """What takes the next one in the transaction that ends another.

    To be run last; `lease_of` reads the rows of the last statement.
    """
    values = _values(owner, pool=pool, without=[], locked=None)
    return [
        Statement(*tenancy.setting(tenancy.scope_of(None))),
        Statement(_NEXT, values, "claim_next"),
    ]


def lease_of(rows: list[tuple[Any, ...]]) -> Lease | None:
    """What was taken; None: nothing, or it takes the lock of its organization."""
    return _lease(rows[0]) if rows else None


def _claim_in(pool: str, owner: str) -> Lease | None:
    full: list[uuid.UUID] = []
    while True:
        values = _values(owner, pool=pool, without=full, locked=None)
        statement = Statement(_NEXT, values, "claim_next")
        (rows,) = one_trip(statement, organization_id=None)
        if not rows:
            return None
        must_lock, organization_id = rows[0][:2]
        lease = (
            _claim_limited(pool, owner, organization_id)
            if must_lock
            else _lease(rows[0])
        )
        if lease is not None:
            return lease
        if not must_lock:
            return None
        full.append(organization_id)


def _claim_limited(pool: str, owner: str, organization_id: uuid.UUID) -> Lease | None:
    """Take the organization's next one, if it still may have one more running.

    Whoever claims for it does so under its lock, and counts under the lock what was
    committed before: so two cannot both take the last place.
    """
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(LOCK, [f"organization {organization_id}"])
        values = _values(owner, pool=pool, without=[], locked=organization_id)
        cursor.execute(_NEXT, values)
        row = cursor.fetchone()
    return _lease(row) if row else None


def _values(owner: str, **more: Any) -> dict[str, Any]:
    return {"owner": owner, "lease_s": lease_s(), "event": uuid7(), **more}


def _lease(row: tuple[Any, ...]) -> Lease | None:
    columns = list(row[2:])
    if columns[0] is None:
        return None
    # As text: raw cursors do not read jsonb.
    columns[5] = json.loads(columns[5])
    columns[-1] = json.loads(columns[-1]) if columns[-1] else None
    return Lease(*columns)
