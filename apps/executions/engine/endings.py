"""Tells web processes that an execution has ended which somebody waits for.

By NOTIFY in the transaction that ends it, so that nobody hears of an end that was
rolled back. Most executions are awaited by nobody, and theirs cost nothing.
"""

import uuid

from django.db import connection

CHANNEL = "rpa_ended"

# In the RETURNING of the statement that ends an execution: no statement of its own.
TELL = f"CASE WHEN is_awaited THEN pg_notify('{CHANNEL}', id::text)::text END"


def tell_waiting(*execution_ids: uuid.UUID) -> None:
    """Tell who waits for these, which the open transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, id::text) FROM executions_execution"
            " WHERE id = ANY(%s) AND is_awaited",
            [CHANNEL, list(execution_ids)],
        )
