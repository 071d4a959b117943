"""Attempts of leaves and blocks alike: opening, closing, trying again, stopping."""

from datetime import datetime, timedelta

from apps.core.types import JsonObject
from apps.executions.engine import retry
from apps.executions.engine.frames import Frame
from apps.executions.engine.interrupts import Interrupted
from apps.executions.engine.ports import (
    BlockTimedOut,
    ExecutionTimedOut,
    Journal,
    Performer,
    TimedOut,
)
from apps.executions.engine.records import Record
from apps.steps.signals import Park
from apps.workflows.definition.model import Node

# A pause up to this long is slept; a longer one gives the worker back.
LONGEST_SLEEP = timedelta(seconds=5)
OVERDUE = "The execution ran longer than its time limit."


class Attempts:
    """Opens and closes the attempts of one walk."""

    def __init__(self, journal: Journal, performer: Performer) -> None:
        self.journal = journal
        self.performer = performer

    def new(self, node: Node, path: str, last: Record | None) -> Record:
        """The record of the attempt after `last`.

        Raises:
            PermanentFailure: the execution has too many step records.
        """
        return Record(
            path=path,
            step_id=node.id,
            type=node.type,
            name=node.name,
            position=self.journal.next_position() if last is None else last.position,
            attempt=1 if last is None else last.attempt + 1,
            started_at=self.performer.now(),
        )

    def end(self, record: Record, status: str) -> None:
        """Close the attempt."""
        record.end(status, self.performer.now())
        self.journal.end(record)

    def fail(self, record: Record, failure: BaseException) -> None:
        """Close the attempt as failed for good."""
        record.error = self.performer.describe(failure, record.path)
        self.end(record, Record.FAILED)

    def again(
        self, node: Node, frame: Frame, record: Record, failure: BaseException
    ) -> Record | None:
        """Record a failed attempt; the next attempt's record, or None: give up.

        Raises:
            Park: the pause before the next attempt is a long one.
        """
        record.error = error = self.performer.describe(failure, record.path)
        pause = retry.pause_before_next(
            node.retry, record.attempt, error, entropy=frame.strand.entropy()
        )
        if pause is None:
            self.end(record, Record.FAILED)
            return None
        retry_at = self.performer.now() + pause
        # Before its status: another thread may store the record at any moment.
        record.is_final = False
        record.state = record.checkpoint | {"retry_at": retry_at.isoformat()}
        self.end(record, Record.FAILED)
        self.await_retry(record, frame)
        return self.new(node, record.path, record)

    def await_retry(self, last: Record | None, frame: Frame) -> None:
        """Sit out what is left of the pause after a failed attempt.

        Raises:
            Park: it is long.
        """
        retry_at = ((last.state if last else None) or {}).get("retry_at")
        if retry_at is None:
            return
        due = datetime.fromisoformat(retry_at)
        pause = due - self.performer.now()
        if pause > LONGEST_SLEEP:
            raise Park(reason=f"retry at {retry_at}", due_at=due)
        if pause <= timedelta(0):
            return
        try:
            self.performer.pause(pause, frame.deadline)
        except Interrupted:
            # A replay must not try again where this walk was told to stop.
            if last is not None:
                last.is_final = True
            raise self.stopped(frame, last) from None

    # --- stopped from outside -----------------------------------------------------

    def stopped(
        self,
        frame: Frame,
        record: Record | None = None,
        own: tuple[float, timedelta] | None = None,
    ) -> BaseException:
        """Why there was an interrupt; closes `record` when the walk ends with it.

        Args:
            own: the step's own deadline and limit.
        """
        now = self.performer.monotonic()
        if self.performer.is_execution_overdue():
            self.performer.grant_handlers()
            error = _timeout(OVERDUE, record)
            self._leave(record, error, {"execution_timed_out": True})
            return ExecutionTimedOut(error)
        if frame.deadline is not None and now >= frame.deadline:
            path = frame.deadline_path
            error = _timeout(f"The time limit of block {path} has passed.", record)
            self._leave(record, error, {"block_timed_out": path})
            return BlockTimedOut(path, error)
        if own is not None and now >= own[0]:
            return TimedOut(own[1])
        return Interrupted()

    def _leave(
        self, record: Record | None, error: JsonObject, state: JsonObject
    ) -> None:
        if record is not None:
            record.error, record.state = error, state
            self.end(record, Record.FAILED)


def _timeout(message: str, record: Record | None) -> JsonObject:
    path = record.path if record else None
    return {"code": "timeout", "kind": "timeout", "message": message, "path": path}
