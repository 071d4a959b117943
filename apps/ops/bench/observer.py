"""Looks at the platform's database from outside, as no part of the platform would."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

_COMMITS = """
    SELECT count(*) FROM pg_get_wal_records_info(%s, %s)
    WHERE resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%%'
"""


@dataclass
class Writes:
    """What was committed meanwhile.

    Attributes:
        commits: transactions that wrote, from the commit records of the log. Reading
            transactions leave none, and savepoints have none of their own.
    """

    commits: int = 0
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)


class Observer:
    """A superuser's connection that only reads."""

    def __init__(self, superuser_url: str) -> None:
        self.connection = psycopg.connect(superuser_url, autocommit=True)
        self.connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def clock(self) -> float:
        """The database's time, in seconds since 1970."""
        return float(self._value("SELECT extract(epoch FROM clock_timestamp())"))

    def version(self) -> str:
        """The server's version."""
        return str(self._value("SHOW server_version"))

    def setting(self, name: str) -> str:
        """A server setting."""
        return str(self._value("SELECT current_setting(%s)", name))

    @contextmanager
    def counting(self) -> Iterator[Writes]:
        """Count the writing transactions of the whole server in the block."""
        writes = Writes()
        before = self._position()
        yield writes
        writes.seconds = time.monotonic() - writes.began
        time.sleep(0.3)  # the log's writer flushes what was committed just now
        writes.commits = int(self._value(_COMMITS, before, self._position()))

    def organization(self) -> uuid.UUID:
        """The one that was made first."""
        query = "SELECT id FROM accounts_organization ORDER BY id LIMIT 1"
        found: uuid.UUID = self._value(query)
        return found

    def has_ended(self, execution_id: uuid.UUID) -> bool:
        """Whether it has an end."""
        query = "SELECT finished_at IS NOT NULL FROM executions_execution WHERE id = %s"
        return bool(self._value(query, execution_id))

    def count_open(self, workflow_id: uuid.UUID) -> int:
        """Executions of the workflow without an end."""
        query = (
            "SELECT count(*) FROM executions_execution"
            " WHERE workflow_id = %s AND finished_at IS NULL"
        )
        return int(self._value(query, workflow_id))

    def statuses(self, workflow_id: uuid.UUID) -> dict[str, int]:
        """How many executions of the workflow ended how."""
        rows = self.connection.execute(
            "SELECT status, count(*) FROM executions_execution"
            " WHERE workflow_id = %s GROUP BY 1",
            [workflow_id],
        )
        return {str(status): int(count) for status, count in rows}

    def completed_records(self, workflow_id: uuid.UUID) -> int:
        """Step records of the workflow's executions that say completed."""
        query = (
            "SELECT count(*) FROM executions_steprecord r"
            " JOIN executions_execution e ON e.id = r.execution_id"
            " WHERE e.workflow_id = %s AND r.status = 'completed'"
        )
        return int(self._value(query, workflow_id))

    def last_finish(self, workflow_id: uuid.UUID) -> float:
        """When the last of the workflow's executions ended, as `clock` counts."""
        query = (
            "SELECT extract(epoch FROM max(finished_at)) FROM executions_execution"
            " WHERE workflow_id = %s"
        )
        return float(self._value(query, workflow_id))

    def running_s(self, execution_id: uuid.UUID) -> float:
        """From its first start to its end."""
        query = (
            "SELECT extract(epoch FROM finished_at - started_at)"
            " FROM executions_execution WHERE id = %s"
        )
        return float(self._value(query, execution_id))

    def is_published(self) -> bool:
        """Whether each event has its number, so that it is on its way."""
        return (
            self._value("SELECT 1 FROM events_event WHERE seq IS NULL LIMIT 1") is None
        )

    def _position(self) -> str:
        return str(self._value("SELECT pg_current_wal_flush_lsn()"))

    def _value(self, query: str, *values: object) -> Any:
        row = self.connection.execute(query, values).fetchone()
        return row[0] if row else None
