"""Does the one thing that is not pure: runs a step."""

import logging
import threading
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connections
from pydantic import ValidationError

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.expressions import Scope
from apps.core.types import Json, JsonObject
from apps.executions.engine import interrupts, masking, outputs
from apps.executions.engine.frames import BrowserLost
from apps.executions.engine.masking import Masker
from apps.executions.engine.ports import Result, TimedOut
from apps.executions.engine.records import Record
from apps.executions.engine.slots import Order, Slot
from apps.executions.engine.strand import Strand
from apps.executions.engine.tools import ExecutionTools
from apps.steps.base import Effect, Params, StepType, Value
from apps.steps.browser.failures import BrowserGone
from apps.steps.context import Resumption, StepContext
from apps.steps.signals import Park
from apps.workflows.definition.model import Node

log = logging.getLogger(__name__)

# What `on_failure` and `finally` may take after the execution's time is over.
HANDLERS_GRACE = timedelta(seconds=60)


class BadParams(PermanentFailure):
    """Rendered params do not fit the step type."""

    code = "bad_params"


class Encoded(NamedTuple):
    """What a step gave, the same as later steps see it, and its text as stored."""

    given: Json
    value: Json
    text: str


@dataclass(slots=True)
class PreparedStep:
    """A step with its params rendered and checked.

    Attributes:
        effect: what it does to the world; nothing, when it is only rehearsed.
        is_rehearsed: a dry run, in which its mock or a note takes its place.
    """

    node: Node
    kind: StepType[Any]
    params: Params
    effect: str
    is_keyed: bool
    scope: Scope
    is_rehearsed: bool = False


class StepPerformer:
    """Runs the steps of one execution.

    Args:
        execution_id: of the execution.
        claimed_at: the database's time of right now; ours may be hours off.
        dry_run: replace `write` steps by their mock or a note.
        output_limit_bytes: most that one output may have as JSON.
        may_begin_again: whether the loss of the browser is no failure of the step.
    """

    def __init__(
        self,
        *,
        execution_id: uuid.UUID,
        claimed_at: datetime,
        tools: ExecutionTools,
        masker: Masker,
        slot: Slot,
        dry_run: bool,
        output_limit_bytes: int,
        may_begin_again: bool = False,
    ) -> None:
        self.execution_id = str(execution_id)
        # The database's time at which our steady clock stood at 0.
        self._zero = claimed_at - timedelta(seconds=time.monotonic())
        self.tools = tools
        self.masker = masker
        self.slot = slot
        self.dry_run = dry_run
        self.output_limit_bytes = output_limit_bytes
        self.may_begin_again = may_begin_again
        self.branches_overdue = False
        self._handlers_until: float | None = None
        self._is_retired = False

    def now(self) -> datetime:
        """The database's wall clock (aware UTC), carried on by our steady one."""
        return self._zero + timedelta(seconds=time.monotonic())

    def monotonic(self) -> float:
        """The clock that deadlines are measured by, in seconds."""
        return time.monotonic()

    def prepare(
        self, node: Node, strand: Strand, scope: Scope, *, deadline: float | None
    ) -> PreparedStep:
        """Render and validate the params; see `ports.Performer`.

        Raises:
            RpaError: an expression failed, or the params do not fit.
            Interrupted: it was stopped from outside.
            BrowserLost: the browser that it needs has died since the last step.
        """
        kind: StepType[Any] = node.kind  # type: ignore[assignment]  # no block
        params = node.fixed_params
        if params is None:
            rendered: Json = {}
            if node.params is not None:
                # Expressions may take seconds: a time limit has to reach them too.
                rendered = interrupts.run_until(deadline, node.params.render, scope)
            params = self._validated(kind, rendered)
        if self.may_begin_again and kind.needs_browser and self._has_lost_page(kind):
            # Before its intent is written down: it has certainly not begun.
            raise BrowserLost
        effect = kind.effect_of(params)
        is_rehearsed = self.dry_run and effect is Effect.WRITE
        if is_rehearsed:
            effect = Effect.NONE
        is_keyed = kind.is_keyed(params)
        return PreparedStep(
            node, kind, params, effect.value, is_keyed, scope, is_rehearsed
        )

    def _has_lost_page(self, kind: StepType[Any]) -> bool:
        if self.tools.is_browser_lost:
            return True
        # Cookies stay when only a page is left.
        return self.tools.is_page_lost and not kind.opens_page

    def evaluate(self, value: Value, scope: Scope, *, deadline: float | None) -> Json:
        """The value now; see `ports.Performer`."""
        return interrupts.run_until(deadline, value.compiled.render, scope)

    def _validated(self, kind: StepType[Any], rendered: Json) -> Params:
        try:
            return kind.params_class.model_validate(rendered)
        except ValidationError as error:
            faults = [
                f"{'.'.join(str(part) for part in fault['loc']) or 'params'}: "
                f"{fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            ]
            # The faulty values themselves stay out: one may be a secret.
            raise BadParams("; ".join(faults[:5])) from None

    def perform(
        self,
        prepared: PreparedStep,
        record: Record,
        strand: Strand,
        *,
        deadline: float | None,
        resumed: Resumption | None,
    ) -> Result:
        """Run the attempt; see `ports.Performer`."""
        node = prepared.node
        if self._handlers_until is not None:
            deadline = min(deadline or self._handlers_until, self._handlers_until)
        if prepared.is_rehearsed:
            return self._rehearse(prepared, deadline)
        context = StepContext(
            tools=self.tools,
            execution_id=self.execution_id,
            path=record.path,
            attempt=record.attempt,
            idempotency_key=f"{self.execution_id}:{record.path}",
            deadline=deadline,
            resumed=resumed,
            now=strand.time,
        )
        self.tools.path = record.path
        output = self._run(prepared, context)
        result = Encoded(output, *self.encode(output))
        variables, variables_text = context.variables, "{}"
        if variables:
            variables, variables_text = self._encode_variables(variables, result)
        state = self.tools.checkpoint(node.kind, prepared.effect)
        self._keep_evidence(context)
        return Result(
            result.value,
            result.text,
            variables,
            variables_text,
            context.warnings,
            state,
        )

    def _run(self, prepared: PreparedStep, context: StepContext) -> Json:
        """The step's own work; a failure leaves evidence."""
        deadline = context.deadline
        try:
            return interrupts.run_until(
                deadline, prepared.kind.run, prepared.params, context
            )
        except Park as park:
            park.warnings = context.warnings
            raise
        except BrowserGone as gone:
            if self.may_begin_again and self.tools.had_page:
                raise BrowserLost from gone
            self._keep_evidence(context, gone)
            raise
        except interrupts.Interrupted as stop:
            # By its own time limit, and not because somebody wants it to stop.
            if deadline is not None and time.monotonic() >= deadline:
                self._keep_evidence(context, stop)
            raise
        except Exception as failure:
            self._keep_evidence(context, failure)
            raise

    def _keep_evidence(
        self, context: StepContext, failure: BaseException | None = None
    ) -> None:
        kept = self.tools.keep_evidence(
            attempt=context.attempt, has_failed=failure is not None
        )
        if isinstance(failure, RpaError) and "screenshot" in kept:
            # For handlers, which may send it to somebody.
            failure.details.setdefault("screenshot", kept["screenshot"])

    def _encode_variables(
        self, variables: JsonObject, result: Encoded
    ) -> tuple[JsonObject, str]:
        """What a step set; a variable that is its output shares the text."""
        values, texts = {}, {}
        for name, value in variables.items():
            if value is result.given:
                values[name], texts[name] = result.value, result.text
            else:
                values[name], texts[name] = self.encode(value)
        return values, outputs.object_of(texts)

    def _rehearse(self, prepared: PreparedStep, deadline: float | None) -> Result:
        mock = prepared.node.mock
        if mock is not None:
            output = self.evaluate(mock, prepared.scope, deadline=deadline)
        else:
            note = prepared.kind.summary(prepared.params)
            output = {"dry_run": True, "would": self.masker.hide_words(note)}
        value, text = self.encode(output)
        return Result(value, text)

    def encode(self, output: Json) -> tuple[Json, str]:
        """An output as later steps see it and as it is stored, secrets masked."""
        limit = self.output_limit_bytes
        value, text = outputs.encode(output, limit_bytes=limit)
        if masking.has_placeholder(text):
            # Somebody else's: a replay must not fill it in.
            value, text = outputs.encode(masking.conceal(value), limit_bytes=limit)
        if self.masker.is_needed:
            _, text = outputs.encode(self.masker.mask(value), limit_bytes=limit)
        return value, text

    def pause(self, duration: timedelta, deadline: float | None) -> None:
        """Wait a short while; may be interrupted."""
        interrupts.run_until(deadline, interrupts.sleep, duration.total_seconds())

    def is_execution_overdue(self) -> bool:
        """Whether an interrupt came since the execution's time is over."""
        if self._is_retired:
            return False
        if threading.current_thread() is not threading.main_thread():
            # A branch is only told so by the thread that waits for it.
            return self.branches_overdue
        return self.slot.is_overdue or self.slot.order is Order.TIMEOUT

    def grant_handlers(self) -> None:
        """Give `on_failure` and `finally` some time after the time limit, once."""
        if self._handlers_until is None and not self._is_retired:
            self._handlers_until = time.monotonic() + HANDLERS_GRACE.total_seconds()
            self.slot.obey()
            self.slot.set_deadline(self._handlers_until)
            interrupts.clear()

    def retire(self) -> None:
        """The walk is over: a branch that was left behind touches nothing any more."""
        self._is_retired = True

    def leave_thread(self) -> None:
        """A branch's thread ends: close its database connection."""
        connections.close_all()

    def describe(self, failure: BaseException, path: str) -> JsonObject:
        """The failure as `{code, kind, message, path, …}`."""
        if isinstance(failure, RpaError):
            return self._describe_known(failure, path)
        error: JsonObject | None = getattr(failure, "error", None)
        if isinstance(error, dict):  # StepFailed of a step inside
            return error
        # Not by `exc_info`: its texts may hold secrets.
        trace = "".join(traceback.format_exception(failure))
        log.error(
            "step crashed",
            extra={
                "execution_id": self.execution_id,
                "path": path,
                "trace": self.masker.hide(trace),
            },
        )
        text = self.masker.hide(f"{type(failure).__name__}: {failure}")[:2000]
        return {
            "code": "internal_error",
            "kind": "platform",
            "message": f"The step crashed by a fault of the platform: {text}",
            "path": path,
        }

    def _describe_known(self, failure: RpaError, path: str) -> JsonObject:
        error: JsonObject = {
            "code": failure.code,
            "kind": "timeout" if isinstance(failure, TimedOut) else "step",
            "message": self.masker.hide(str(failure))[:4000],
            "path": path,
        }
        if isinstance(failure, TemporaryFailure):
            error["temporary"] = True
        details = _storable(failure.details)
        retry_after = failure.details.get("retry_after")
        if retry_after is not None:
            error["retry_after"] = retry_after
        if details:
            error["details"] = self.masker.hide_all(details)
        return error


def _storable(details: Mapping[str, object]) -> Json:
    try:
        value, _ = outputs.encode(dict(details), limit_bytes=64 * 1024)
    except PermanentFailure:
        return {"note": "details were too large or no JSON"}
    return value
