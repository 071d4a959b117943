"""Runs one plain step: its attempts, its waits, and what a crash left of it."""

from datetime import datetime, timedelta

from apps.core.errors import RpaError
from apps.executions.engine import retry
from apps.executions.engine.frames import Frame
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
from apps.steps.base import OnCrash
from apps.steps.context import Resumption
from apps.steps.signals import FlowSignal, Park
from apps.workflows.definition.model import Node

# A pause up to this long is slept; a longer one gives the worker back.
LONGEST_SLEEP = timedelta(seconds=5)


class TimedOut(RpaError):
    """A step ran longer than its own time limit."""

    code = "timeout"

    def __init__(self, limit: timedelta) -> None:
        super().__init__(
            f"The step ran longer than its time limit of {limit.total_seconds():g} s.",
            limit_s=limit.total_seconds(),
        )


class Leaves:
    """The plain steps of one walk."""

    def __init__(self, journal: Journal, performer: Performer) -> None:
        self.journal = journal
        self.performer = performer

    def new_record(self, node: Node, path: str, last: Record | None) -> Record:
        """The record of a path's next attempt."""
        return Record(
            path=path,
            step_id=node.id,
            type=node.type,
            name=node.name,
            position=self.journal.next_position() if last is None else last.position,
            attempt=1 if last is None else last.attempt + 1,
            started_at=self.performer.now(),
        )

    def run(self, node: Node, frame: Frame, path: str, last: Record | None) -> Record:
        """Run a step until it has ended for good; gives its last attempt.

        Args:
            last: what is recorded of it, if anything is.

        Raises:
            Park: it waits.
            Interrupted: it was stopped from outside.
            FlowSignal: the flow goes on somewhere else.
        """
        resumed = None
        if last is not None and last.status == Record.WAITING:
            resumed = self._resumption(last)
            record = last
        elif last is not None and last.status == Record.RUNNING:
            record = last
            record.started_at = self.performer.now()
        else:
            self.await_retry(last)
            record = self.new_record(node, path, last)
        lost = record is last and record.effect == "write" and resumed is None
        while True:
            failure = self._attempt(node, frame, record, resumed, lost=lost)
            if failure is None:
                return record
            again = self.retried(node, frame, record, failure)
            if again is None:
                return record
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

    def await_retry(self, last: Record | None) -> None:
        """Let the pause pass that a failed attempt asked for.

        Raises:
            Park: it is a long one.
        """
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
        except FlowSignal as signal:
            self._signalled(record, signal)
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

    def _signalled(self, record: Record, signal: FlowSignal) -> None:
        """A step such as `break` did its work; a replay has to do it again."""
        if not isinstance(signal, ExecutionTimedOut):
            record.state = {"signals": True}
            record.end(Record.COMPLETED, self.performer.now())
            self.journal.end(record)

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
        self.leave(record, "The execution ran longer than its time limit.")
        record.state = {"execution_timed_out": True}
        self.performer.grant_handlers()
        return ExecutionTimedOut(record.error or {})

    def _block_timed_out(self, record: Record, path: str) -> BlockTimedOut:
        self.leave(record, f"The time limit of block {path} has passed.")
        record.state = {"block_timed_out": path}
        return BlockTimedOut(path)

    def leave(self, record: Record, message: str) -> None:
        """End a record that a time limit around it cut."""
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

    def retried(
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
        self.await_retry(record)
        return self.new_record(node, record.path, record)


def _on_crash(node: Node) -> OnCrash:
    declared: OnCrash = getattr(node.kind, "on_crash", OnCrash.FAIL)
    return node.on_crash or declared
