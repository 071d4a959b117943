"""Walks a definition: decides what runs next, given what is recorded.

It touches neither database nor clock nor network: all that comes through the
ports. Run again over the same definition with the records of an earlier run, it
takes every settled step from them and goes on where they end.
"""

from collections.abc import Mapping
from copy import copy
from datetime import timedelta

from apps.core.errors import RpaError
from apps.core.expressions import truth
from apps.core.types import Json
from apps.executions.engine.attempts import OVERDUE, Attempts
from apps.executions.engine.blocks import BlockFlow
from apps.executions.engine.frames import Frame, Outcome
from apps.executions.engine.interrupts import Interrupted
from apps.executions.engine.leaves import Leaves
from apps.executions.engine.ports import (
    BlockTimedOut,
    ExecutionTimedOut,
    Journal,
    Performer,
    TimedOut,
)
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import BlockType, Steps, Value
from apps.steps.signals import (
    BreakLoop,
    ContinueLoop,
    FlowSignal,
    StepFailed,
    StopExecution,
)
from apps.workflows.definition.model import Definition, Node

# Ends are kept to the millisecond: that of a block may lie before its last step's.
_ROUNDING = timedelta(milliseconds=1)


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
        self.attempts = Attempts(journal, performer)
        self.leaves = Leaves(self.attempts)

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
            inner = frame.inside(frame.scope.child(names), "")
            outcome = self._after(outcome, self.definition.on_failure, inner)
        if self.definition.finally_:
            outcome = self._after(outcome, self.definition.finally_, frame)
        return outcome

    def run_one(self, node: Node, names: Mapping[str, Json]) -> Outcome:
        """Run one step alone; `names` are those that blocks around it would give.

        Raises:
            Park, Interrupted: as for `run`.
        """
        steps = Steps([])
        steps.nodes = (node,)
        frame = Frame(self.strand, self.strand.scope.child(names))
        try:
            return self._guarded(steps, frame)
        except (BreakLoop, ContinueLoop):
            return Outcome("completed")

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
        except RpaError as failure:
            # Of no step: the limit of records leaves no room for one.
            return Outcome("failed", str(failure), self.performer.describe(failure, ""))
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
        if last is not None and last.is_settled and self._counts(last, node):
            return self._settle(node, frame, last)
        if last is None and (node.disabled or node.condition is not None):
            skipped = self._skipped(node, frame, path)
            if skipped is not None:
                return skipped
        if node.body is not None:
            return self._block(node, frame, path, list(attempts))
        if last is not None and last.is_settled:
            if self.journal.may_be_past(last):
                return self._settle(node, frame, self.leaves.redo(node, frame, last))
            last.status = Record.RUNNING
        record = self.leaves.run(node, frame, path, last)
        return self._settle(node, frame, record)

    def _counts(self, record: Record, node: Node) -> bool:
        """Whether a settled record stands for the step, so that it is not redone."""
        if record.status == Record.SKIPPED:
            return True
        state = record.state or {}
        if node.body is not None:
            # Nothing of a block is taken from its record: its steps' records tell
            # all, and walking them again restores the names that they set.
            return "guard" in state
        return "signals" not in state and not self.journal.must_redo(record)

    def _settle(self, node: Node, frame: Frame, record: Record) -> Record:
        """Let a step's record count: names, time, and failure if it is one."""
        frame.strand.settle(record, node.save_as)
        if record.status in (Record.COMPLETED, Record.SKIPPED):
            return record
        state = record.state or {}
        if "execution_timed_out" in state:
            self.performer.grant_handlers()
            raise ExecutionTimedOut(record.error or {"message": OVERDUE})
        if "block_timed_out" in state:
            raise BlockTimedOut(state["block_timed_out"], record.error or {})
        if record.status == Record.UNKNOWN and record.error is None:
            return record
        if node.on_error == "fail":
            raise StepFailed(record.error or {})
        return record

    def _skipped(self, node: Node, frame: Frame, path: str) -> Record | None:
        failure: RpaError | None = None
        try:
            if not node.disabled and self._holds(node, frame):
                return None
        except RpaError as error:
            failure = error
        record = self.attempts.new(node, path, None)
        if failure is not None:
            record.state = {"guard": True}
            self.attempts.fail(record, failure)
        else:
            record.end(Record.SKIPPED, record.started_at)
            self.journal.end(record)
        return self._settle(node, frame, record)

    def _holds(self, node: Node, frame: Frame) -> bool:
        return node.condition is None or truth(self.evaluate(node.condition, frame))

    def evaluate(self, value: Value, frame: Frame) -> Json:
        """The value with the names of `frame`."""
        try:
            return self.performer.evaluate(value, frame.scope, deadline=frame.deadline)
        except Interrupted:
            raise self.attempts.stopped(frame) from None

    # --- blocks -----------------------------------------------------------------

    def _block(
        self, node: Node, frame: Frame, path: str, attempts: list[Record]
    ) -> Record:
        while attempts and not attempts[0].is_final:
            # Failed and tried again: walked only for the names that it set.
            last = attempts.pop(0)
            self._walk(node, frame, last)
            if not attempts:
                self.attempts.await_retry(last, frame)
                attempts.append(self.attempts.new(node, path, last))
        record = attempts[0] if attempts else self.attempts.new(node, path, None)
        while True:
            failure = self._walk(node, frame, record)
            if failure is None or record.is_settled:
                return self._settle(node, frame, record)
            again = self.attempts.again(node, frame, record, failure)
            if again is None:
                return self._settle(node, frame, record)
            record = again

    def _walk(self, node: Node, frame: Frame, record: Record) -> BaseException | None:
        """Walk the block's steps as this attempt of it.

        Returns: its failure; `record` is then still open, unless it was recorded so.
        """
        before = copy(record) if record.status in Record.ENDED else None
        record.status, record.error = Record.RUNNING, None
        if before is None:
            self.journal.begin(record)
        try:
            failure = self._run_block(node, frame, record)
        except ExecutionTimedOut as timeout:
            record.error = {**timeout.error, "path": record.path}
            record.state = {"execution_timed_out": True}
            self._close(record, Record.FAILED, frame, before)
            raise
        except BlockTimedOut as timeout:
            record.error = {**timeout.error, "path": record.path}
            record.state = {"block_timed_out": timeout.path}
            self._close(record, Record.FAILED, frame, before)
            raise
        except FlowSignal:
            self._close(record, Record.COMPLETED, frame, before)
            raise
        if failure is None:
            self._close(record, Record.COMPLETED, frame, before)
        elif before is not None and before.status == Record.FAILED:
            record.error = before.error
            self._close(record, Record.FAILED, frame, before)
        return failure

    def _close(
        self, record: Record, status: str, frame: Frame, before: Record | None
    ) -> None:
        """End the block's attempt; one that had ended and did nothing new stays so."""
        if before is not None and before.status == status:
            record.status = status
            if record.ended_at + _ROUNDING >= frame.strand.time:
                return
        self.attempts.end(record, status)

    def _run_block(
        self, node: Node, frame: Frame, record: Record
    ) -> BaseException | None:
        inner = frame
        if node.timeout is not None:
            now = self.performer.monotonic()
            inner = frame.within(node.timeout.total_seconds(), now, record.path)
        kind = node.kind
        assert isinstance(kind, BlockType)  # noqa: S101  # only blocks have a body
        try:
            output = kind.run(node.body, BlockFlow(self, inner, record))
            record.output, record.output_json = self.performer.encode(output)
        except BlockTimedOut as timeout:
            if timeout.path != record.path or node.timeout is None:
                raise
            return TimedOut(node.timeout)
        except Exception as failure:
            return failure
        return None
