"""How a claim ends: with the execution's end, its parking, or its being handed back.

Each is one transaction in one round trip: the records that wait, the execution's
row, the event, and what else depends on it. The row's update is the fence: when the
lease is lost, it finds no row, and nothing of all this is done.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DataError, connection
from psycopg.errors import DivisionByZero

from apps.core.ids import uuid7
from apps.core.trips import Statement, one_trip
from apps.core.types import JsonObject
from apps.executions.engine import claims, dispatcher, leases, limits, rows
from apps.executions.engine.leases import TELL, Lease, LeaseLost

_CLOSE = """
    WITH source AS (
        UPDATE executions_execution SET {assignments}, running_ms = %(running_ms)s,
            lease_owner = '', lease_until = NULL
        WHERE id = %(id)s AND lease_token = %(token)s AND status = 'running' {condition}
        RETURNING id, organization_id, workflow_id, {told}),
    written AS ({insert}),
    emitted AS (
        INSERT INTO events_event
            (id, type, organization_id, workflow_id, execution_id, payload)
        SELECT %(event)s::uuid, %(type)s::text, organization_id, workflow_id, id,
            %(payload)s::jsonb
        FROM source WHERE %(type)s::text <> '')
    -- Fails when the lease is lost, so that what follows is not done.
    SELECT 1 / count(*) FROM source
"""


def _closing(assignments: str, *, condition: str = "", told: str = "true") -> str:
    return _CLOSE.format(
        assignments=assignments, condition=condition, told=told, insert=rows.INSERT
    )


# Nobody would carry out a cancel of what has just begun to wait.
_UNLESS_CANCELLED = " AND cancel_requested_at IS NULL"
_END = _closing(
    "status = %(status)s, reason = %(reason)s, error = %(error)s::jsonb,"
    " variables = %(variables)s::jsonb, outputs = %(outputs)s::jsonb,"
    " finished_at = clock_timestamp(), due_at = NULL",
    told=TELL,
)
# A claim that ends in waiting is none that a worker died in.
_PARK = _closing(
    "status = 'waiting', reason = %(reason)s, deliveries = deliveries - 1,"
    " variables = %(variables)s::jsonb, outputs = %(outputs)s::jsonb,"
    " due_at = CASE WHEN wake_requested THEN clock_timestamp()"
    " ELSE %(due_at)s::timestamptz END, wake_requested = false",
    condition=_UNLESS_CANCELLED,
)
# As when a worker dies: it counts, so that no page kills one browser after another.
_BEGIN_AGAIN = _closing(
    "status = 'queued', reason = 'its browser died; goes on from the last page',"
    " rung_at = clock_timestamp()",
    condition=_UNLESS_CANCELLED,
)
_HAND_BACK = _closing(
    "status = 'queued', reason = 'its worker is shutting down',"
    " deliveries = deliveries - 1, rung_at = clock_timestamp()",
    condition=_UNLESS_CANCELLED,
)


class Endings:
    """The ends of one claim.

    Args:
        lease: fences all of them.

    Attributes:
        claimed: what was taken together with the end.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.claimed: Lease | None = None

    def end(
        self,
        waiting: list[str],
        *,
        status: str,
        reason: str,
        error: str | None,
        variables: str,
        outputs: str,
        running_ms: int,
        leaves_open: bool,
        chained: Sequence[Statement] = (),
    ) -> None:
        """End the execution for good.

        Args:
            waiting: rows of records that are to be written with it.
            error, variables, outputs: as JSON.
            leaves_open: some step has neither ended nor been given up.
            chained: takes the next one, to save a commit; see `claims.chained`.

        Raises:
            LeaseLost: it is another worker's now; nothing was done.
        """
        close = self._close(
            waiting,
            _END,
            "end",
            {
                "status": status,
                "reason": reason,
                "error": error,
                "variables": variables,
                "outputs": outputs,
                "running_ms": running_ms,
            },
            event=(f"execution-{status}", {"reason": reason[:500]}),
        )
        before, after = self._around_end(leaves_open)
        own = [*before, close, *after]
        found = self._commit(*own, *chained)
        if chained:
            self.claimed = claims.lease_of(found[-1])
        released = found[len(own) - 1] if self.lease.limit_key else []
        self._ring_for_others(released)

    def _around_end(self, leaves_open: bool) -> tuple[list[Statement], list[Statement]]:
        """What belongs to an end besides the row itself: before it, and after."""
        before, after = [], []
        if leaves_open:
            after.append(leases.closing_records([self.lease.execution_id]))
        if self.lease.parent_id is not None:
            # Held before its child, as everybody does who holds both.
            before.append(leases.holding(self.lease.parent_id))
            after.append(leases.waking(self.lease.parent_id))
        if self.lease.limit_key:
            # Last: whoever it lets go on is read from its rows.
            after += limits.releasing(self.lease.limit_key)
        return before, after

    def park(
        self,
        waiting: list[str],
        *,
        reason: str,
        due_at: datetime | None,
        variables: str,
        outputs: str,
        running_ms: int,
    ) -> None:
        """Put it aside until `due_at`, or until something wakes it.

        Raises:
            LeaseLost: it is another worker's now, or somebody asked to cancel it.
        """
        close = self._close(
            waiting,
            _PARK,
            "park",
            {
                "reason": reason,
                "due_at": due_at,
                "variables": variables,
                "outputs": outputs,
                "running_ms": running_ms,
            },
            event=(
                "execution-waiting",
                {
                    "reason": reason[:500],
                    "due_at": due_at.isoformat() if due_at else None,
                },
            ),
        )
        self._commit(close)
        self._ring_for_others([])

    def hand_back(self, waiting: list[str], *, running_ms: int) -> None:
        """Queue it again: another worker goes on from the last recorded step.

        Raises:
            LeaseLost: it is another worker's now, or somebody asked to cancel it.
        """
        values = {"running_ms": running_ms}
        self._commit(self._close(waiting, _HAND_BACK, "hand_back", values))
        dispatcher.ring(self.lease.execution_id, self.lease.pool)

    def begin_again(self, waiting: list[str], *, running_ms: int) -> None:
        """Queue it again, as if its worker had died; errors as for `hand_back`."""
        values = {"running_ms": running_ms}
        self._commit(self._close(waiting, _BEGIN_AGAIN, "begin_again", values))
        dispatcher.ring(self.lease.execution_id, self.lease.pool)

    def is_cancel_asked(self) -> bool:
        """Whether we still hold it and somebody asked to cancel it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM executions_execution WHERE id = %s AND lease_token = %s"
                " AND status = 'running' AND cancel_requested_at IS NOT NULL",
                [self.lease.execution_id, self.lease.token],
            )
            return cursor.fetchone() is not None

    def _close(
        self,
        waiting: list[str],
        sql: str,
        name: str,
        values: dict[str, Any],
        *,
        event: tuple[str, JsonObject] = ("", {}),
    ) -> Statement:
        type_, payload = event
        return Statement(
            sql,
            {
                **values,
                "id": self.lease.execution_id,
                "token": self.lease.token,
                "rows": rows.as_array(waiting),
                "event": uuid7(),
                "type": type_,
                "payload": json.dumps(payload),
            },
            name,
        )

    def _commit(self, *statements: Statement) -> list[list[tuple[Any, ...]]]:
        try:
            return one_trip(*statements, organization_id=self.lease.organization_id)
        except DataError as error:
            if isinstance(error.__cause__, DivisionByZero):
                raise LeaseLost("the execution is another worker's now") from None
            raise

    def _ring_for_others(self, released: list[tuple[uuid.UUID, str]]) -> None:
        for execution_id, pool in released:
            dispatcher.ring(execution_id, pool)
        if self.lease.is_limited:
            # Others of the organization may wait for its place.
            dispatcher.ring(self.lease.execution_id, self.lease.pool)
