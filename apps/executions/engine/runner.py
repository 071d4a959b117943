"""Runs one execution from its claim to its end, its parking or its loss."""

import logging
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError

from apps.core import tenancy
from apps.core.errors import RpaError
from apps.core.types import Json, JsonObject
from apps.executions.engine import (
    breaches,
    claims,
    interrupts,
    leases,
    masking,
    one_step,
    outputs,
    rows,
)
from apps.executions.engine.chaining import Chain
from apps.executions.engine.endings import Endings
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.frames import BrowserLost, Outcome
from apps.executions.engine.guarded_secrets import GuardedSecrets
from apps.executions.engine.interpreter import Interpreter
from apps.executions.engine.journal import Finish, Journal, Limits
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
    chain: Chain = field(default_factory=Chain)


def run_execution(execution_id: uuid.UUID, place: Place) -> bool:
    """Claim and run this one; False when there was nothing to claim."""
    lease = claims.claim(execution_id, leases.own_name())
    try:
        return _run(lease, place)
    finally:
        place.slot.leave()


def run_next(pools: Iterable[str], place: Place) -> bool:
    """Claim and run the one whose turn it is; False when there was nothing to claim."""
    if not place.slot.reserve():
        return False
    try:
        # The connection may have died since the last one: then it is made anew.
        lease = persistently(
            lambda: claims.claim_next(pools, leases.own_name()), patience_s=30
        )
        return _run(lease, place)
    finally:
        place.slot.leave()


def _run(lease: Lease | None, place: Place) -> bool:
    if lease is None:
        return False
    place.chain.start()
    while lease is not None:
        lease = _run_one(lease, place)
    return True


def _run_one(lease: Lease, place: Place) -> Lease | None:
    """Run one claim; gives the next one, when it was taken together with its end."""
    # No deadline yet: the definition says how long it may run.
    place.slot.take(lease.execution_id, lease.token, 0.0)
    interrupts.clear()
    run = _Run(lease, place)
    try:
        run.run_guarded()
    except LeaseLost:
        log.warning("lease lost", extra={"execution_id": lease.execution_id})
        if run.endings.claimed is None:
            place.chain.free_unconfirmed()
    return run.endings.claimed


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
        self.endings = Endings(lease)

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
        known = workflows.definition_in_memory(self.lease.version_id)
        if known is not None and self.lease.test is None:
            return known
        with tenancy.tenant(self.lease.organization_id):
            edited = one_step.edited(self.lease.test)
            return edited or workflows.definition_of(self.lease.version_id)

    def _journal(self, known: list[Record]) -> Journal:
        return Journal(self.lease, masker=self.masker, limits=_limits(), known=known)

    def _strand(self, definition: Definition) -> Strand:
        lease = self.lease
        # Placeholders in what came from outside are none of ours.
        inputs: Json = masking.conceal(lease.inputs)
        if lease.has_masked_inputs:
            inputs = self.masker.unmask(lease.inputs, self.secrets)
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
            browser_settings=definition.settings.browser,
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
        is_parked = False
        try:
            outcome = one_step.walk(interpreter, self.lease.test)
            finish = partial(self._end, outcome)
        except Park as park:
            finish, is_parked = partial(self._park, park), True
        except interrupts.Interrupted:
            finish = self._interrupted
        except BrowserLost:
            finish = partial(self._give_back, self._beginning_again())
        finally:
            performer.retire()
            self._clean_up(tools, is_parked=is_parked)
        finish()

    def _clean_up(self, tools: ExecutionTools, *, is_parked: bool) -> None:
        """Before the last commit: whoever sees the end may rely on it."""
        slot = self.place.slot
        slot.set_deadline(time.monotonic() + HANDLERS_GRACE.total_seconds())
        try:
            if is_parked and (checkpoint := tools.checkpoint_to_park()) is not None:
                self.journal.add_checkpoint(checkpoint)
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
            may_begin_again=self.lease.deliveries < settings.EXECUTION_MAX_DELIVERIES,
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
        elif order in (Order.MEMORY, Order.CPU):
            error = breaches.ERRORS[order]
            self._end(Outcome("failed", str(error["message"]), error))
        elif order in (Order.HAND_BACK, Order.LOST):
            # A lease that was not renewed in time may be ours still: then what is done
            # is recorded. If not, this raises.
            self._hand_back()
        else:
            raise LeaseLost("the supervisor says that the lease is lost")

    def _running_ms(self) -> int:
        return self.lease.running_ms + round((time.monotonic() - self.began) * 1000)

    def _end(self, outcome: Outcome) -> None:
        variables, results = self._results()
        error = None
        if outcome.error is not None:
            error = _json(self.masker.hide_all(outcome.error))
        self.journal.finish(
            partial(
                self.endings.end,
                status=outcome.status,
                reason=self._for_people(outcome.reason),
                error=error,
                variables=variables,
                outputs=results,
                running_ms=self._running_ms(),
                leaves_open=outcome.status != "completed" or self.journal.has_open,
                chained=self.place.chain.claim(self.lease),
            )
        )
        self.place.chain.note(self.endings.claimed)
        self._note_secrets()
        log.info(
            "execution ended",
            extra={
                "execution_id": self.lease.execution_id,
                "status": outcome.status,
                "running_ms": self._running_ms(),
            },
        )

    def _note_secrets(self) -> None:
        """When they were last used is news for people only: it may be lost."""
        if self.secrets.resolved:
            with suppress(DatabaseError), tenancy.tenant(self.lease.organization_id):
                secrets_mark_used(self.lease.organization_id, self.secrets.resolved)

    def _park(self, park: Park) -> None:
        variables, results = self._results()
        self._give_back(
            partial(
                self.endings.park,
                reason=self._for_people(park.reason),
                due_at=park.due_at,
                variables=variables,
                outputs=results,
                running_ms=self._running_ms(),
            )
        )

    def _hand_back(self) -> None:
        self._give_back(partial(self.endings.hand_back, running_ms=self._running_ms()))

    def _beginning_again(self) -> Finish:
        log.warning("browser lost", extra={"execution_id": self.lease.execution_id})
        return partial(self.endings.begin_again, running_ms=self._running_ms())

    def _give_back(self, finish: Finish) -> None:
        try:
            self.journal.finish(finish)
        except LeaseLost:
            if not self._is_cancel_asked():
                raise
            self._end(CANCELLED)

    def _is_cancel_asked(self) -> bool:
        with tenancy.tenant(self.lease.organization_id):
            return self.endings.is_cancel_asked()

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
