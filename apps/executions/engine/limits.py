"""How many executions that share a key are under way at a time.

`settings.concurrency` gives a limit, for the workflow or for each value of a key.
What is over the limit is *held*: queued, but not to be claimed. Who is under way is
counted from the rows themselves, under a lock on the key: when an execution is
accepted and when one ends. No counter is kept, so none can drift.

Locks are taken in one order: rows first, then the key; and rows that are chosen
under the key's lock are skipped when somebody holds them.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from functools import partial

from django.db import connection, transaction

from apps.core import tenancy
from apps.core.errors import Invalid, RpaError
from apps.core.expressions import Scope
from apps.core.trips import Statement, run
from apps.core.types import Json
from apps.executions.engine import dispatcher
from apps.executions.models import Execution
from apps.steps.base import Value
from apps.workflows.definition.model import Definition

_KEY_AT = "settings.concurrency.key"


def limit_key(
    definition: Definition, workflow_id: uuid.UUID, inputs: Mapping[str, Json]
) -> str:
    """What an execution with these inputs shares its limit with; empty without one.

    Raises:
        Invalid: the key cannot be computed, or is nothing.
    """
    concurrency = definition.settings.concurrency
    if concurrency is None:
        return ""
    if concurrency.key is None:
        return str(workflow_id)
    value = _rendered(concurrency.key, definition, inputs)
    if value is None or (isinstance(value, str) and not value.strip()):
        message = "renders to nothing with these inputs"
        raise Invalid(errors=[{"path": _KEY_AT, "message": message}])
    text = json.dumps(value, sort_keys=True)
    return f"{workflow_id}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _rendered(key: Value, definition: Definition, inputs: Mapping[str, Json]) -> Json:
    values: dict[str, Json] = {}
    names = {
        "inputs": inputs,
        "variables": values,
        "workflow": {"name": definition.name},
    }
    scope = Scope(names)
    try:
        for name, value in definition.variables.items():
            values[name] = value.compiled.render(scope)
        return key.compiled.render(scope)
    except RpaError as error:
        message = f"cannot be computed with these inputs: {error}"
        raise Invalid(errors=[{"path": _KEY_AT, "message": message}]) from error


# Until the transaction ends, nobody else decides about what has this name.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def hold_room(key: str) -> None:
    """Let one after the other make room under a key; before any row is held."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"room {key}"])


def place(execution: Execution, *, skip: bool) -> None:
    """Decide under the lock whether a new execution runs, is held or is skipped."""
    size = execution.limit_size or 1
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"limit {execution.limit_key}"])
    if _under_way(execution.limit_key) < size:
        return
    taken = "another one is under way" if size == 1 else f"{size} are under way"
    if skip:
        execution.status = Execution.CANCELLED
        execution.reason = f"skipped: {taken}"
    else:
        execution.is_held = True
        execution.reason = f"waits: {taken}"


# Up from an execution, as long as each waits for the one below it.
_ANCESTOR = """
    WITH RECURSIVE line AS (
        SELECT id, parent_id, limit_key, is_waited_for FROM executions_execution
        WHERE id = %s AND status IN ('queued', 'running', 'waiting')
        UNION ALL
        SELECT e.id, e.parent_id, e.limit_key, e.is_waited_for
        FROM executions_execution e
            JOIN line ON e.id = line.parent_id AND line.is_waited_for
        WHERE e.status IN ('queued', 'running', 'waiting'))
    SELECT 1 FROM line WHERE limit_key = %s LIMIT 1
"""


def uses_place_of_an_ancestor(execution: Execution) -> bool:
    """Whether one under the same key waits for it: both would wait for ever."""
    if execution.parent_id is None or not execution.is_waited_for:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_ANCESTOR, [execution.parent_id, execution.limit_key])
        return cursor.fetchone() is not None


def _under_way(key: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM executions_execution WHERE limit_key = %s"
            " AND status IN ('queued', 'running', 'waiting') AND NOT is_held",
            [key],
        )
        return int(cursor.fetchone()[0])


# The first in line, as many as have room; the line is looked at this far.
_RELEASE = """
    WITH line AS (
        SELECT id, limit_size, row_number() OVER (ORDER BY order_at, id) AS place
        FROM (SELECT id, limit_size, order_at FROM executions_execution
            WHERE limit_key = %(key)s AND status = 'queued' AND is_held
            ORDER BY order_at, id LIMIT 100) held),
    busy AS (
        SELECT count(*) AS size FROM executions_execution
        WHERE limit_key = %(key)s AND NOT is_held
            AND status IN ('queued', 'running', 'waiting'))
    UPDATE executions_execution SET is_held = false, reason = '', rung_at = now()
    WHERE id IN (
        SELECT id FROM executions_execution WHERE status = 'queued' AND is_held
            AND id IN (SELECT id FROM line, busy WHERE place + size <= limit_size)
        FOR UPDATE SKIP LOCKED)
    RETURNING id, pool
"""


def releasing(key: str) -> list[Statement]:
    """What lets those run that were held, as far as the limit allows.

    To be run in the transaction that ends an execution, after its row is written. The
    last statement gives id and pool of those to ring for.
    """
    return [Statement(LOCK, [f"limit {key}"]), Statement(_RELEASE, {"key": key})]


def release(keys: Iterable[str]) -> None:
    """The same for some keys, in the open transaction; rings after its commit."""
    for key in sorted({key for key in keys if key}):
        *_, released = map(run, releasing(key))
        for execution_id, pool in released:
            bell = partial(dispatcher.ring, execution_id, pool)
            transaction.on_commit(bell, robust=True)


# Keys under which the first in line would have room.
_WITH_ROOM = """
    SELECT limit_key FROM (
        SELECT DISTINCT ON (limit_key) limit_key, limit_size
        FROM executions_execution
        WHERE status = 'queued' AND is_held AND limit_key <> ''
        ORDER BY limit_key, order_at, id) first
    LEFT JOIN (
        SELECT limit_key, count(*) AS size FROM executions_execution
        WHERE status IN ('queued', 'running', 'waiting') AND NOT is_held
            AND limit_key <> ''
        GROUP BY limit_key) busy USING (limit_key)
    WHERE COALESCE(size, 0) < COALESCE(limit_size, 1)
    LIMIT 1000
"""


def release_overlooked() -> None:
    """The same for every key under which one is held without need; none should be."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_WITH_ROOM)
        keys = [row[0] for row in cursor.fetchall()]
    for key in keys:
        with tenancy.system():
            release([key])
