"""Runs one execution from its claim to its end, its parking or its loss."""

import logging
import os
import socket
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from apps.core import tenancy
from apps.core.errors import RpaError
from apps.core.types import Json, JsonObject
from apps.events.services import emit
from apps.executions.engine import (
    claims,
    dispatcher,
    endings,
    interrupts,
    leases,
    limits,
    masking,
    one_step,
    outputs,
    rows,
)
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.frames import Outcome
from apps.executions.engine.guarded_secrets import GuardedSecrets
from apps.executions.engine.interpreter import Interpreter
from apps.executions.engine.journal import Journal, Limits
from apps.executions.engine.leases import Lease, LeaseLost
from apps.executions.engine.masking import Masker
from apps.executions.engine.performer import HANDLERS_GRACE, StepPerformer
from apps.executions.engine.persistence import persistently
from apps.executions.engine.records import Record
from apps.executions.engine.slots import Order, Slot
from apps.executions.engine.strand import Strand
from apps.executions.engine.tools import ExecutionTools, ProcessTools
from apps.executions.engine.vault import Vault
from apps.executions.links import resume_url
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
    """Claim and run this one; False when there was nothing to claim."""
    return _run(claims.claim(execution_id, _owner()), place)


def run_next(pools: Iterable[str], place: Place) -> bool:
    """Claim and run the one whose turn it is; False when there was nothing to claim."""
    # The connection may have died since the last one: then it is made anew.
    lease = persistently(lambda: claims.claim_next(pools, _owner()), patience_s=30)
    return _run(lease, place)


def _owner() -> str:
    return leases.owner_name(socket.gethostname(), os.getpid())


def _run(lease: Lease | None, place: Place) -> bool:
    if lease is None:
        return False
    # No deadline yet: the definition says how long it may run.
    place.slot.take(lease.execution_id, lease.token, 0.0)
    interrupts.clear()
    try:
        _Run(lease, place).run_guarded()
    except LeaseLost:
        log.warning("lease lost", extra={"execution_id": lease.execution_id})
    finally:
        place.slot.leave()
    return True


class _CancelAsked(Exception):
    """Somebody asked to cancel it before it could be put aside."""


CANCELLED = Outcome("cancelled", "cancelled")


class _Run:
    """One claimed execution."""

    def __init__(self, lease: Lease, place: Place) -> None:
        self.lease = lease
        self.place = place
        self.began = time.monotonic()
        self.secrets = GuardedSecrets(workflows.secrets_for(lease.organization_id))
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
            # Not by `exc_info`: its texts may hold secrets.
            trace = self.masker.hide("".join(traceback.format_exception(fault)))
            execution_id = self.lease.execution_id
            log.error(
                "engine fault", extra={"execution_id": execution_id, "trace": trace}
            )
            message = f"The engine stumbled: {type(fault).__name__}."
            error = {"code": "internal_error", "kind": "platform", "message": message}
            self._end(Outcome("failed", message, error))

    def run(self) -> None:
        """Walk from the records of earlier claims to the end or the next wait."""
        known: list[Record] = []
        if self.lease.is_resumed:
            known = persistently(partial(rows.load, self.lease))
        known = [rows.unmasked(one, self.masker, self.secrets) for one in known]
        self.journal = self._journal(known)
        try:
            definition = persistently(self._definition)
            self.strand = self._strand(definition)
        except RpaError as error:
            self._end(Outcome("failed", str(error), _platform_error(error)))
            return
        self._walk(definition)

    def _definition(self) -> Definition:
        with tenancy.tenant(self.lease.organization_id):
            edited = one_step.edited(self.lease.test)
            return edited or workflows.definition_of(self.lease.version_id)

    def _journal(self, known: list[Record]) -> Journal:
        return Journal(self.lease, masker=self.masker, limits=_limits(), known=known)

    def _strand(self, definition: Definition) -> Strand:
        lease = self.lease
        inputs: Json = lease.inputs
        if lease.parent_id is not None:
            # Its parent masked the secrets that it handed on.
            inputs = self.masker.unmask(inputs, self.secrets)
        fixed = {
            "inputs": inputs,
            "secrets": self.secrets,
            "workflow": {"id": str(lease.workflow_id), "name": definition.name},
            "execution": {
                "id": str(lease.execution_id),
                "started_at": lease.started_at.astimezone(UTC).isoformat(),
                "trigger": lease.trigger,
                "dry_run": lease.dry_run,
                "resume_url": resume_url(lease.organization_id, lease.execution_id),
            },
        }
        strand = Strand(
            seed=str(lease.execution_id),
            started_at=lease.started_at,
            fixed=fixed,
            values={},
            steps={},
        )
        given = one_step.variables_of(lease.test)
        strand.values.update(given)
        for name, value in definition.variables.items():
            if name not in given:
                strand.values[name] = value.compiled.render(strand.scope)
        return strand

    def _walk(self, definition: Definition) -> None:
        tools = ExecutionTools(
            self.lease,
            self.place.tools,
            restore=self.journal.checkpoint(),
            vault=Vault(self.masker, self.secrets),
        )
        self._arm(definition)
        performer = self._performer(tools)
        interpreter = Interpreter(
            definition,
            strand=self.strand,
            journal=self.journal,
            performer=performer,
            max_iterations=settings.LOOP_MAX_ITERATIONS,
        )
        self.place.flusher.watch(self.journal)
        finish: Callable[[], None]
        try:
            outcome = one_step.walk(interpreter, self.lease.test)
            finish = partial(self._end, outcome)
        except Park as park:
            finish = partial(self._park, park)
        except interrupts.Interrupted:
            finish = self._interrupted
        finally:
            performer.retire()
            self._clean_up(tools)
        finish()

    def _clean_up(self, tools: ExecutionTools) -> None:
        """Before the last commit: whoever sees the end may rely on it."""
        slot = self.place.slot
        slot.set_deadline(time.monotonic() + HANDLERS_GRACE.total_seconds())
        try:
            tools.close()
        except Exception:
            log.exception(
                "clean-up failed", extra={"execution_id": self.lease.execution_id}
            )
        self.place.flusher.release()
        # What is done is done: from here on no time limit turns it into a failure.
        slot.set_deadline(0.0)

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
            self._end(CANCELLED)
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

    def _update(
        self, assignments: str, values: list[Any], returning: str = "id"
    ) -> None:
        """Change the execution's row, fenced, inside the open transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE executions_execution SET {assignments}, running_ms = %s,"  # noqa: S608  # our own texts
                " lease_owner = '', lease_until = NULL"
                " WHERE id = %s AND lease_token = %s AND status = 'running'"
                f" RETURNING {returning}",
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
        reason = self._for_people(outcome.reason)
        error = None
        if outcome.error is not None:
            error = _json(self.masker.hide_all(outcome.error))
        leaves_open = outcome.status != "completed" or self.journal.has_open

        def write() -> None:
            self._update(
                "status = %s, reason = %s, error = %s::jsonb,"
                " variables = %s::jsonb, outputs = %s::jsonb,"
                " finished_at = clock_timestamp(), due_at = NULL",
                [outcome.status, reason, error, variables, results],
                returning=endings.TELL,
            )
            if leaves_open:
                leases.close_records(self.lease.execution_id)
            leases.wake(self.lease.parent_id)
            limits.release([self.lease.limit_key])
            self._leave_place()
            if self.secrets.resolved:
                secrets_mark_used(self.lease.organization_id, self.secrets.resolved)
            self._tell(outcome.status, {"reason": reason[:500]})

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
        reason = self._for_people(park.reason)

        def write() -> None:
            self._refuse_cancelled()
            # A claim that ends in waiting is none that a worker died in.
            self._update(
                "status = 'waiting', reason = %s, deliveries = deliveries - 1,"
                " variables = %s::jsonb, outputs = %s::jsonb,"
                " due_at = CASE WHEN wake_requested THEN clock_timestamp()"
                " ELSE %s END, wake_requested = false",
                [reason, variables, results, park.due_at],
            )
            self._leave_place()
            due = park.due_at.isoformat() if park.due_at else None
            self._tell("waiting", {"reason": reason[:500], "due_at": due})

        self._give_back(write)

    def _hand_back(self) -> None:
        def write() -> None:
            self._refuse_cancelled()
            self._update(
                "status = 'queued', reason = %s, deliveries = deliveries - 1,"
                " rung_at = NULL",
                ["its worker is shutting down"],
            )
            bell = partial(dispatcher.ring, self.lease.execution_id, self.lease.pool)
            transaction.on_commit(bell, robust=True)

        self._give_back(write)

    def _leave_place(self) -> None:
        """Ring for another one that waits for this organization's limit."""
        if self.lease.is_limited:
            bell = partial(dispatcher.ring, self.lease.execution_id, self.lease.pool)
            transaction.on_commit(bell, robust=True)

    def _give_back(self, write: Callable[[], None]) -> None:
        try:
            self.journal.finish(write)
        except _CancelAsked:
            self._end(CANCELLED)

    def _refuse_cancelled(self) -> None:
        """Nobody would carry out a cancel of what has just begun to wait."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM executions_execution WHERE id = %s AND lease_token = %s"
                " AND cancel_requested_at IS NOT NULL FOR UPDATE",
                [self.lease.execution_id, self.lease.token],
            )
            if cursor.fetchone() is not None:
                raise _CancelAsked

    def _tell(self, status: str, payload: JsonObject) -> None:
        emit(
            f"execution-{status}",
            organization_id=self.lease.organization_id,
            workflow_id=self.lease.workflow_id,
            execution_id=self.lease.execution_id,
            payload=payload,
        )

    def _for_people(self, text: str) -> str:
        return outputs.clean_text(self.masker.hide(text))[:2000]

    def _results(self) -> tuple[str, str]:
        """The variables and the steps' outputs as JSON, masked and bounded."""
        if not hasattr(self, "strand"):
            return "{}", "{}"
        strand, limit = self.strand, settings.STEP_OUTPUT_MAX_BYTES
        results = {step: entry["output"] for step, entry in strand.steps.items()}
        return (
            outputs.fit(self.masker.mask(strand.values), limit_bytes=limit),
            outputs.fit(self.masker.mask(results), limit_bytes=limit),
        )


def _limits() -> Limits:
    return Limits(
        max_records=settings.EXECUTION_MAX_RECORDS,
        inline_bytes=settings.STEP_OUTPUT_INLINE_BYTES,
    )


def _json(value: Json) -> str:
    _, text = outputs.encode(value, limit_bytes=1024 * 1024)
    return text


def _platform_error(error: RpaError) -> JsonObject:
    return {"code": error.code, "kind": "platform", "message": str(error), "path": None}
