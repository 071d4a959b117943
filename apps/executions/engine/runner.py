"""Runs one execution from its claim to its end, its parking or its loss."""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from apps.core import tenancy
from apps.core.errors import RpaError
from apps.core.types import Json, JsonObject
from apps.events.services import emit
from apps.executions.engine import interrupts, journal, leases, masking, outputs
from apps.executions.engine.frames import Outcome
from apps.executions.engine.interpreter import Interpreter
from apps.executions.engine.journal import Flusher, Journal
from apps.executions.engine.leases import Lease, LeaseLost
from apps.executions.engine.masking import Masker
from apps.executions.engine.performer import StepPerformer
from apps.executions.engine.records import Record
from apps.executions.engine.slots import Order, Slot
from apps.executions.engine.strand import Strand
from apps.executions.engine.tools import ExecutionTools, ProcessTools
from apps.steps.signals import Park
from apps.workflows import selectors as workflows
from apps.workflows.definition.model import Definition
from apps.workflows.services import secrets_mark_used

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where executions run: the child's slot and what the process keeps."""

    slot: Slot
    tools: ProcessTools
    flusher: Flusher


def run_execution(execution_id: uuid.UUID, place: Place) -> bool:
    """Claim and run it; False when there was nothing to claim."""
    owner = leases.owner_name(socket.gethostname(), os.getpid())
    lease = leases.claim(execution_id, owner)
    if lease is None:
        log.debug("nothing to claim", extra={"execution_id": execution_id})
        return False
    # No deadline yet: the definition says how long it may run.
    place.slot.take(lease.execution_id, lease.token, 0.0)
    interrupts.clear()
    try:
        _Run(lease, place).run_guarded()
    except LeaseLost:
        log.warning("lease lost", extra={"execution_id": execution_id})
    finally:
        place.slot.leave()
    return True


class _Run:
    """One claimed execution."""

    def __init__(self, lease: Lease, place: Place) -> None:
        self.lease = lease
        self.place = place
        self.began = time.monotonic()
        self.secrets = workflows.secrets_for(lease.organization_id)
        mark = masking.mark_of(str(lease.organization_id), settings.SECRET_KEY)
        self.masker = Masker(self.secrets.resolved, mark)
        self.journal = self._journal([])

    def run_guarded(self) -> None:
        """Run it; a fault of the engine itself ends it as *crashed*, with a log.

        Raises:
            LeaseLost: the execution is another worker's now.
            DatabaseError: the database did not come back; the lease will run out.
        """
        try:
            self.run()
        except (LeaseLost, DatabaseError):
            raise
        except Exception as fault:
            log.exception(
                "engine fault", extra={"execution_id": self.lease.execution_id}
            )
            message = f"The engine stumbled: {type(fault).__name__}."
            error = {"code": "internal_error", "kind": "platform", "message": message}
            self._end(Outcome("failed", message, error))

    def run(self) -> None:
        """Walk from the records of earlier claims to the end or the next wait."""
        known = []
        if self.lease.is_resumed:
            known = journal.load(self.lease, self.masker, self.secrets)
        self.journal = self._journal(known)
        try:
            with tenancy.tenant(self.lease.organization_id):
                definition = workflows.definition_of(self.lease.version_id)
                self.strand = self._strand(definition)
        except RpaError as error:
            self._end(Outcome("failed", str(error), _platform_error(error)))
            return
        self._walk(definition)

    def _journal(self, known: list[Record]) -> Journal:
        return Journal(self.lease, masker=self.masker, limits=_limits(), known=known)

    def _strand(self, definition: Definition) -> Strand:
        lease = self.lease
        fixed = {
            "inputs": lease.inputs,
            "secrets": self.secrets,
            "workflow": {"id": str(lease.workflow_id), "name": definition.name},
            "execution": {
                "id": str(lease.execution_id),
                "started_at": lease.started_at.astimezone(UTC).isoformat(),
                "trigger": lease.trigger,
                "dry_run": lease.dry_run,
            },
        }
        strand = Strand(
            seed=str(lease.execution_id),
            started_at=lease.started_at,
            fixed=fixed,
            values={},
            steps={},
        )
        for name, value in definition.variables.items():
            strand.values[name] = value.compiled.render(strand.scope)
        return strand

    def _walk(self, definition: Definition) -> None:
        tools = ExecutionTools(
            self.lease, self.place.tools, restore=self.journal.checkpoint()
        )
        self._arm(definition)
        interpreter = Interpreter(
            definition,
            strand=self.strand,
            journal=self.journal,
            performer=self._performer(tools),
            max_iterations=settings.LOOP_MAX_ITERATIONS,
        )
        self.place.flusher.watch(self.journal)
        finish: Callable[[], None]
        try:
            outcome = interpreter.run()
            finish = partial(self._end, outcome)
        except Park as park:
            finish = partial(self._park, park)
        except interrupts.Interrupted:
            finish = self._interrupted
        finally:
            # Before the last commit: whoever sees the end may rely on the clean-up.
            tools.close()
            self.place.flusher.release()
        finish()

    def _performer(self, tools: ExecutionTools) -> StepPerformer:
        return StepPerformer(
            execution_id=self.lease.execution_id,
            claimed_at=self.lease.claimed_at,
            tools=tools,
            masker=self.masker,
            slot=self.place.slot,
            dry_run=self.lease.dry_run,
            output_limit_bytes=settings.STEP_OUTPUT_MAX_BYTES,
        )

    def _arm(self, definition: Definition) -> None:
        limit = definition.settings.timeout or settings.WORKFLOW_TIMEOUT
        if self.lease.timeout_ms is not None:
            limit = timedelta(milliseconds=self.lease.timeout_ms)
        left = limit - timedelta(milliseconds=self.lease.running_ms)
        # An execution whose time is over still gets its deadline: it passes at once.
        self.place.slot.set_deadline(self.began + max(left.total_seconds(), 0.001))

    # --- endings ------------------------------------------------------------------

    def _interrupted(self) -> None:
        order = self.place.slot.order
        if order == Order.CANCEL:
            self._end(Outcome("cancelled", "cancelled"))
        elif order == Order.MEMORY:
            message = "The execution used more memory than it may."
            error = {"code": "too_much_memory", "kind": "step", "message": message}
            self._end(Outcome("failed", message, error))
        elif order == Order.HAND_BACK:
            self._hand_back()
        else:
            raise LeaseLost("the supervisor says that the lease is lost")

    def _running_ms(self) -> int:
        return self.lease.running_ms + round((time.monotonic() - self.began) * 1000)

    def _update(self, assignments: str, values: list[Any]) -> None:
        """Change the execution's row, fenced, inside the open transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE executions_execution SET {assignments}, running_ms = %s,"  # noqa: S608  # our own texts
                " lease_owner = '', lease_until = NULL"
                " WHERE id = %s AND lease_token = %s AND status = 'running'",
                [
                    *values,
                    self._running_ms(),
                    self.lease.execution_id,
                    self.lease.token,
                ],
            )
            if cursor.rowcount != 1:
                raise LeaseLost("the execution is another worker's now")

    def _end(self, outcome: Outcome) -> None:
        variables, results = self._results()

        def write() -> None:
            self._update(
                "status = %s, reason = %s, error = %s::jsonb,"
                " variables = %s::jsonb, outputs = %s::jsonb,"
                " finished_at = clock_timestamp(), due_at = NULL",
                [
                    outcome.status,
                    self.masker.hide(outcome.reason)[:2000],
                    None if outcome.error is None else _json(outcome.error),
                    _json(variables),
                    _json(results),
                ],
            )
            if outcome.status != "completed":
                leases.close_records(self.lease.execution_id)
            leases.wake(self.lease.parent_id)
            if self.secrets.resolved:
                secrets_mark_used(self.lease.organization_id, self.secrets.resolved)
            self._tell(outcome.status, {"reason": outcome.reason[:500]})

        self.journal.finish(write)
        log.info(
            "execution ended",
            extra={
                "execution_id": self.lease.execution_id,
                "status": outcome.status,
                "running_ms": self._running_ms(),
            },
        )

    def _park(self, park: Park) -> None:
        variables, results = self._results()

        def write() -> None:
            self._update(
                "status = 'waiting', reason = %s,"
                " variables = %s::jsonb, outputs = %s::jsonb,"
                " due_at = CASE WHEN wake_requested THEN clock_timestamp()"
                " ELSE %s END, wake_requested = false",
                [park.reason[:2000], _json(variables), _json(results), park.due_at],
            )
            due = park.due_at.isoformat() if park.due_at else None
            self._tell("waiting", {"reason": park.reason[:500], "due_at": due})

        self.journal.finish(write)

    def _hand_back(self) -> None:
        def write() -> None:
            self._update(
                "status = 'queued', reason = %s, deliveries = deliveries - 1,"
                " rung_at = NULL",
                ["its worker is shutting down"],
            )

        self.journal.finish(write)

    def _tell(self, status: str, payload: JsonObject) -> None:
        emit(
            f"execution-{status}",
            organization_id=self.lease.organization_id,
            workflow_id=self.lease.workflow_id,
            execution_id=self.lease.execution_id,
            payload=payload,
        )

    def _results(self) -> tuple[Json, Json]:
        if not hasattr(self, "strand"):
            return {}, {}
        results = {step: entry["output"] for step, entry in self.strand.steps.items()}
        return self.masker.mask(self.strand.values), self.masker.mask(results)


def _limits() -> journal.Limits:
    return journal.Limits(
        max_records=settings.EXECUTION_MAX_RECORDS,
        inline_bytes=settings.STEP_OUTPUT_INLINE_BYTES,
    )


def _json(value: Json) -> str:
    _, text = outputs.encode(value, limit_bytes=256 * 1024 * 1024)
    return text


def _platform_error(error: RpaError) -> JsonObject:
    return {"code": error.code, "kind": "platform", "message": str(error), "path": None}
