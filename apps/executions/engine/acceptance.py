"""Writes a new execution with its event: one statement, one round trip."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.core.ids import uuid7
from apps.core.trips import Statement, one_trip
from apps.executions.models import Execution

# What the database's clock decides.
_TIMES = ("created_at", "queued_at", "order_at", "finished_at")
_FIELDS = {
    str(field.column): field
    for field in Execution._meta.concrete_fields
    if field.column not in _TIMES
}
_ACCEPT = f"""
    WITH accepted AS (
        INSERT INTO executions_execution
            ({", ".join(_FIELDS)}, order_at, finished_at)
        VALUES ({", ".join(f"%({column})s" for column in _FIELDS)},
            COALESCE(%(order_at)s::timestamptz, now() - %(worth)s::interval),
            CASE WHEN %(is_final)s THEN now() END)
        RETURNING {", ".join(_TIMES)}),
    told AS (
        INSERT INTO events_event
            (id, type, organization_id, workflow_id, execution_id, payload)
        VALUES (%(event)s, %(type)s, %(organization_id)s, %(workflow_id)s, %(id)s,
            %(payload)s::jsonb))
    SELECT {", ".join(_TIMES)} FROM accepted
"""  # noqa: S608  # names of columns only


def save(execution: Execution, *, order_at: datetime | None, worth: timedelta) -> None:
    """Save a new execution and tell of it; its times come from the database's clock.

    Args:
        order_at: its place in the order, or None: now, less what its priority is worth.
    """
    payload = {"reason": execution.reason} if execution.reason else {}
    statement = Statement(
        _ACCEPT,
        {
            **_values(execution),
            "order_at": order_at,
            "worth": worth,
            "is_final": execution.is_final,
            "event": uuid7(),
            "type": f"execution-{execution.status}",
            "payload": json.dumps(payload),
        },
        "accept",
    )
    (rows,) = one_trip(statement, organization_id=execution.organization_id)
    for name, value in zip(_TIMES, rows[0], strict=True):
        setattr(execution, name, value)
    execution._state.adding, execution._state.db = False, connection.alias


def _values(execution: Execution) -> dict[str, Any]:
    return {
        column: field.get_db_prep_save(getattr(execution, field.attname), connection)
        for column, field in _FIELDS.items()
    }
