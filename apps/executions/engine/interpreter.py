"""Walks a definition: decides what runs next, given what is recorded.

It touches neither database nor clock nor network: all that comes through the
ports. Run again over the same definition with the records of an earlier run, it
takes every settled step from them and goes on where they end.
"""

from collections.abc import Mapping
from dataclasses import replace

from apps.core.errors import RpaError
from apps.core.expressions import truth
from apps.core.types import Json
from apps.executions.engine.blocks import BlockFlow
from apps.executions.engine.frames import Frame, Outcome
from apps.executions.engine.interrupts import Interrupted
from apps.executions.engine.leaves import Leaves, TimedOut
from apps.executions.engine.ports import (
    BlockTimedOut,
    ExecutionTimedOut,
    Journal,
    Performer,
)
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import BlockType, Condition, Steps
from apps.steps.signals import FlowSignal, StepFailed, StopExecution
from apps.workflows.definition.model import Definition, Node


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
        self.leaves = Leaves(journal, performer)

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
            if not (_signals(last) or self.journal.must_redo(last)):
                return self._settle(node, frame, last)
            last.status = Record.RUNNING
        if last is None or last.status == Record.SKIPPED:
            skipped = self._skipped(node, frame, path, last)
            if skipped is not None:
                return skipped
        if is_block:
            return self._block(node, frame, path, last)
        return self._settle(node, frame, self.leaves.run(node, frame, path, last))

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
            record = self.leaves.new_record(node, path, last)
            self.leaves.retried(node, frame, record, failure)
            return self._settle(node, frame, record)
        record = last or self.leaves.new_record(node, path, last)
        if last is None:
            record.end(Record.SKIPPED, record.started_at)
            self.journal.end(record)
        return self._settle(node, frame, record)

    def test(self, condition: Condition, frame: Frame) -> bool:
        """The condition's answer with the names of `frame`."""
        return truth(condition.compiled.render(frame.scope))

    # --- blocks -----------------------------------------------------------------

    def _block(
        self, node: Node, frame: Frame, path: str, last: Record | None
    ) -> Record:
        record = last
        if record is None or not (record.is_settled or record.status == record.RUNNING):
            self.leaves.await_retry(last if last and not last.is_final else None)
            record = self.leaves.new_record(node, path, last)
        # Nothing of a block is taken from its record: its steps' records tell all,
        # and walking them again restores the names that they set.
        record.status, record.is_final, record.error = Record.RUNNING, True, None
        self.journal.begin(record)
        while True:
            failure = self._run_block(node, frame, record)
            if failure is None:
                return self._settle(node, frame, record)
            again = self.leaves.retried(node, frame, record, failure)
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
                self.leaves.leave(
                    record, f"The time limit of block {timeout.path} has passed."
                )
                raise
            return TimedOut(node.timeout)
        except ExecutionTimedOut as timeout:
            self.leaves.leave(record, str(timeout))
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


def _signals(record: Record) -> bool:
    """Whether the step steers the flow, so that a replay must run it again."""
    return "signals" in (record.state or {})
