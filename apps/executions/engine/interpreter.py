"""Walks a definition: decides what runs next, given what is recorded.

It touches neither database nor clock nor network: all that comes through the
ports. Run again over the same definition with the records of an earlier run, it
takes every settled step from them and goes on where they end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apps.core.errors import RpaError
from apps.core.expressions import Scope, truth
from apps.core.types import Json, JsonObject
from apps.executions.engine import retry
from apps.executions.engine.blocks import BlockFlow
from apps.executions.engine.interrupts import Interrupted
from apps.executions.engine.ports import (
    BlockTimedOut,
    ExecutionTimedOut,
    Journal,
    Performer,
    Prepared,
    Result,
)
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import BlockType, Condition, OnCrash, Steps
from apps.steps.context import Resumption
from apps.steps.signals import FlowSignal, Park, StepFailed, StopExecution
from apps.workflows.definition.model import Definition, Node

# A pause up to this long is slept; a longer one gives the worker back.
LONGEST_SLEEP = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the walk is: below which loops, with which names, until when."""

    strand: Strand
    scope: Scope
    prefix: str = ""
    deadline: float | None = None
    deadline_path: str = ""

    def within(self, seconds: float, now: float, path: str) -> "Frame":
        """The same with a deadline of a block's own, if that is earlier."""
        deadline = now + seconds
        if self.deadline is not None and self.deadline <= deadline:
            return self
        return replace(self, deadline=deadline, deadline_path=path)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended: status, reason for people, error if it failed."""

    status: str
    reason: str = ""
    error: JsonObject | None = None


class Interpreter:
    """One walk over one definition.

    Args:
        max_iterations: of one loop.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        strand: Strand,
        journal: Journal,
        performer: Performer,
        max_iterations: int,
    ) -> None:
        self.definition = definition
        self.strand = strand
        self.journal = journal
        self.performer = performer
        self.max_iterations = max_iterations

    def run(self) -> Outcome:
        """Walk to the end.

        Raises:
            Park: the execution waits.
            Interrupted: it was stopped from outside, not by its time limit.
        """
        frame = Frame(self.strand, self.strand.scope)
        outcome = self._guarded(self.definition.steps, frame)
        if outcome.status == "failed" and self.definition.on_failure:
            names = {"error": outcome.error or {"message": outcome.reason}}
            inner = replace(frame, scope=frame.scope.child(names))
            outcome = self._after(outcome, self.definition.on_failure, inner)
        if self.definition.finally_:
            outcome = self._after(outcome, self.definition.finally_, frame)
        return outcome

    def _guarded(self, steps: Steps, frame: Frame) -> Outcome:
        try:
            self.body(steps, frame)
        except StepFailed as failure:
            return Outcome("failed", str(failure), failure.error)
        except ExecutionTimedOut as timeout:
            return Outcome("failed", str(timeout), timeout.error)
        except StopExecution as stop:
            error = None
            if stop.status == "failed":
                error = {"code": "stopped", "kind": "step", "message": stop.message}
            return Outcome(stop.status, stop.message, error)
        except Interrupted:
            # In a pause or in the wait for branches, where no step can tell.
            if not self.performer.is_execution_overdue():
                raise
            self.performer.grant_handlers()
            message = "The execution ran longer than its time limit."
            error = {"code": "timeout", "kind": "timeout", "message": message}
            return Outcome("failed", message, error)
        return Outcome("completed")

    def _after(self, outcome: Outcome, steps: Steps, frame: Frame) -> Outcome:
        """Run a handler; its own failure turns a success into a failure."""
        handled = self._guarded(steps, frame)
        return handled if outcome.status == "completed" else outcome

    # --- steps ------------------------------------------------------------------

    def body(self, steps: Steps, frame: Frame) -> Json:
        """Run a list of steps; gives the output of the last one that ran."""
        output: Json = None
        for node in steps.nodes:
            record = self._step(node, frame)
            if record.status != Record.SKIPPED:
                output = record.output
        return output

    def _step(self, node: Node, frame: Frame) -> Record:
        path = frame.prefix + node.id
        frame.strand.at(path)
        attempts = self.journal.attempts(path)
        last = attempts[-1] if attempts else None
        is_block = isinstance(node.kind, BlockType)
        if last is not None and last.is_settled and not is_block:
            if not self.journal.must_redo(last):
                return self._settle(node, frame, last)
            last.status = Record.RUNNING
        if last is None or last.status == Record.SKIPPED:
            skipped = self._skipped(node, frame, path, last)
            if skipped is not None:
                return skipped
        if is_block:
            return self._block(node, frame, path, last)
        return self._leaf(node, frame, path, last)

    def _settle(self, node: Node, frame: Frame, record: Record) -> Record:
        """Let a step's record count: names, time, and failure if it is one."""
        frame.strand.settle(record, node.save_as)
        if record.status in (Record.COMPLETED, Record.SKIPPED):
            return record
        state = record.state or {}
        if "execution_timed_out" in state:
            raise ExecutionTimedOut(record.error or {})
        if "block_timed_out" in state:
            raise BlockTimedOut(state["block_timed_out"])
        if record.status == Record.UNKNOWN and record.error is None:
            return record
        if node.on_error == "fail":
            raise StepFailed(record.error or {})
        return record

    def _skipped(
        self, node: Node, frame: Frame, path: str, last: Record | None
    ) -> Record | None:
        try:
            if not node.disabled and (
                node.condition is None or self.test(node.condition, frame)
            ):
                return None
        except RpaError as failure:
            record = self._new_record(node, path, last)
            return self._fail(node, frame, record, failure)
        record = last or self._new_record(node, path, last)
        if last is None:
            record.end(Record.SKIPPED, record.started_at)
            self.journal.end(record)
        return self._settle(node, frame, record)

    def test(self, condition: Condition, frame: Frame) -> bool:
        """The condition's answer with the names of `frame`."""
        return truth(condition.compiled.render(frame.scope))

    def _new_record(self, node: Node, path: str, last: Record | None) -> Record:
        return Record(
            path=path,
            step_id=node.id,
            type=node.type,
            name=node.name,
            position=self.journal.next_position() if last is None else last.position,
            attempt=1 if last is None else last.attempt + 1,
            started_at=self.performer.now(),
        )

    # --- leaves -----------------------------------------------------------------

    def _leaf(self, node: Node, frame: Frame, path: str, last: Record | None) -> Record:
        resumed = None
        if last is not None and last.status == Record.WAITING:
            resumed = self._resumption(last)
            record = last
        elif last is not None and last.status == Record.RUNNING:
            record = last
            record.started_at = self.performer.now()
        else:
            self._await_retry(last)
            record = self._new_record(node, path, last)
        lost = record is last and record.effect == "write" and resumed is None
        while True:
            failure = self._attempt(node, frame, record, resumed, lost=lost)
            if failure is None:
                return self._settle(node, frame, record)
            again = self._retried(node, frame, record, failure)
            if again is None:
                return self._settle(node, frame, record)
            record, resumed, lost = again, None, False

    def _resumption(self, record: Record) -> Resumption:
        state = record.state or {}
        due_at = state.get("due_at")
        due = datetime.fromisoformat(due_at) if due_at else None
        if due is not None and due > self.performer.now():
            # Woken for another reason, such as a parallel branch: wait on.
            raise Park(reason=state["reason"], due_at=due, data=state["data"])
        parked_at = datetime.fromisoformat(state["parked_at"])
        return Resumption(state["data"], parked_at, due)

    def _await_retry(self, last: Record | None) -> None:
        retry_at = ((last.state if last else None) or {}).get("retry_at")
        if retry_at is None:
            return
        due = datetime.fromisoformat(retry_at)
        pause = due - self.performer.now()
        if pause > LONGEST_SLEEP:
            raise Park(reason=f"retry at {retry_at}", due_at=due)
        if pause > timedelta(0):
            self.performer.pause(pause)

    def _attempt(
        self,
        node: Node,
        frame: Frame,
        record: Record,
        resumed: Resumption | None,
        *,
        lost: bool,
    ) -> BaseException | None:
        """Run one attempt; gives its failure, with the record still open, or None."""
        try:
            prepared = self.performer.prepare(node, frame.strand, frame.scope)
            if lost and not self._may_repeat(node, prepared):
                self._end_unknown(node, prepared, record)
                return None
            self._begin(prepared, record)
            result = self._perform(prepared, frame, record, resumed)
        except Park as park:
            self._park(record, park)
            raise
        except Exception as failure:
            return failure
        record.output, record.output_json = result.output, result.output_json
        record.variables, record.warnings = result.variables, result.warnings
        record.state = result.state
        record.error = None
        record.end(Record.COMPLETED, self.performer.now())
        self.journal.end(record)
        return None

    def _begin(self, prepared: Prepared, record: Record) -> None:
        record.effect = prepared.effect
        record.status = Record.RUNNING
        if prepared.effect == "write":
            self.journal.intend(record)
        else:
            self.journal.begin(record)

    def _perform(
        self,
        prepared: Prepared,
        frame: Frame,
        record: Record,
        resumed: Resumption | None,
    ) -> Result:
        node = prepared.node
        limit = node.timeout or getattr(node.kind, "timeout", None)
        own = self.performer.monotonic() + limit.total_seconds() if limit else None
        deadline = frame.deadline
        if own is not None and (deadline is None or own < deadline):
            deadline = own
        try:
            return self.performer.perform(
                prepared, record, frame.strand, deadline=deadline, resumed=resumed
            )
        except Interrupted:
            now = self.performer.monotonic()
            if self.performer.is_execution_overdue():
                raise self._execution_timed_out(record) from None
            if frame.deadline is not None and now >= frame.deadline:
                raise self._block_timed_out(record, frame.deadline_path) from None
            if own is not None and now >= own and limit is not None:
                raise TimedOut(limit) from None
            raise

    def _execution_timed_out(self, record: Record) -> ExecutionTimedOut:
        self._leave(record, "The execution ran longer than its time limit.")
        record.state = {"execution_timed_out": True}
        self.performer.grant_handlers()
        return ExecutionTimedOut(record.error or {})

    def _block_timed_out(self, record: Record, path: str) -> BlockTimedOut:
        self._leave(record, f"The time limit of block {path} has passed.")
        record.state = {"block_timed_out": path}
        return BlockTimedOut(path)

    def _leave(self, record: Record, message: str) -> None:
        record.error = {
            "code": "timeout",
            "kind": "timeout",
            "message": message,
            "path": record.path,
        }
        record.end(Record.FAILED, self.performer.now())
        self.journal.end(record)

    def _may_repeat(self, node: Node, prepared: Prepared) -> bool:
        """Whether a `write` step that may have happened is run again."""
        if prepared.is_keyed:
            return True
        return _on_crash(node) is OnCrash.RETRY

    def _end_unknown(self, node: Node, prepared: Prepared, record: Record) -> None:
        """The worker died in a step that cannot be repeated: its author decides."""
        record.effect = prepared.effect
        record.warnings = ["The worker died during this step: its effect is unknown."]
        if _on_crash(node) is OnCrash.FAIL:
            record.error = {
                "code": "unknown_outcome",
                "kind": "platform",
                "message": (
                    "The worker died while this step ran. It may or may not have "
                    "happened; on_crash decides: retry, fail or skip."
                ),
                "path": record.path,
            }
        record.end(Record.UNKNOWN, self.performer.now())
        self.journal.end(record)

    def _park(self, record: Record, park: Park) -> None:
        now = self.performer.now()
        due_at = park.due_at
        if due_at is None and park.due_in is not None:
            due_at = now + park.due_in
        park.due_at = due_at
        record.status = Record.WAITING
        record.state = {
            "reason": park.reason,
            "data": park.data,
            "due_at": due_at.isoformat() if due_at else None,
            "parked_at": now.isoformat(),
        }
        self.journal.end(record)

    def _retried(
        self, node: Node, frame: Frame, record: Record, failure: BaseException
    ) -> Record | None:
        """Record a failed attempt; the next attempt's record, or None: give up."""
        error = self.performer.describe(failure, record.path)
        record.error = error
        record.end(Record.FAILED, self.performer.now())
        pause = retry.pause_before_next(
            node.retry, record.attempt, error, entropy=frame.strand.entropy()
        )
        if pause is None:
            self.journal.end(record)
            return None
        retry_at = self.performer.now() + pause
        record.is_final = False
        record.state = {"retry_at": retry_at.isoformat()}
        self.journal.end(record)
        self._await_retry(record)
        return self._new_record(node, record.path, record)

    def _fail(
        self, node: Node, frame: Frame, record: Record, failure: BaseException
    ) -> Record:
        record.error = self.performer.describe(failure, record.path)
        record.end(Record.FAILED, self.performer.now())
        self.journal.end(record)
        return self._settle(node, frame, record)

    # --- blocks -----------------------------------------------------------------

    def _block(
        self, node: Node, frame: Frame, path: str, last: Record | None
    ) -> Record:
        record = last
        if record is None or not (record.is_settled or record.status == record.RUNNING):
            self._await_retry(last if last and not last.is_final else None)
            record = self._new_record(node, path, last)
        # Nothing of a block is taken from its record: its steps' records tell all,
        # and walking them again restores the names that they set.
        record.status, record.is_final, record.error = Record.RUNNING, True, None
        self.journal.begin(record)
        while True:
            failure = self._run_block(node, frame, record)
            if failure is None:
                return self._settle(node, frame, record)
            again = self._retried(node, frame, record, failure)
            if again is None:
                return self._settle(node, frame, record)
            record = again
            self.journal.begin(record)

    def _run_block(
        self, node: Node, frame: Frame, record: Record
    ) -> BaseException | None:
        inner = frame
        if node.timeout is not None:
            now = self.performer.monotonic()
            inner = frame.within(node.timeout.total_seconds(), now, record.path)
        flow = BlockFlow(self, inner, record)
        kind = node.kind
        assert isinstance(kind, BlockType)  # noqa: S101  # told apart in _step
        try:
            output = kind.run(node.body, flow)
            record.output, record.output_json = self.performer.encode(output)
        except BlockTimedOut as timeout:
            if timeout.path != record.path or node.timeout is None:
                self._leave(
                    record, f"The time limit of block {timeout.path} has passed."
                )
                raise
            return TimedOut(node.timeout)
        except ExecutionTimedOut as timeout:
            self._leave(record, str(timeout))
            raise
        except FlowSignal:
            record.end(Record.COMPLETED, self.performer.now())
            self.journal.end(record)
            raise
        except Exception as failure:
            return failure
        record.end(Record.COMPLETED, self.performer.now())
        self.journal.end(record)
        return None

    def frame_for(
        self, frame: Frame, record: Record, names: Mapping[str, Json], index: int | None
    ) -> Frame:
        """The frame of a block's body: names added, iteration in the path."""
        prefix = frame.prefix
        tries = f"~{record.attempt}" if record.attempt > 1 else ""
        if index is not None:
            prefix = f"{record.path}{tries}[{index}]."
        elif tries:
            prefix = f"{record.path}{tries}."
        scope = frame.scope.child(names) if names else frame.scope
        return replace(frame, scope=scope, prefix=prefix)


class TimedOut(RpaError):
    """A step ran longer than its own time limit."""

    code = "timeout"

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"The step ran longer than its time limit of {limit.total_seconds():g} s.",
            limit_s=limit.total_seconds(),
        )


def _on_crash(node: Node) -> OnCrash:
    declared: OnCrash = getattr(node.kind, "on_crash", OnCrash.FAIL)
    return node.on_crash or declared
