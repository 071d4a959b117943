"""Runs the attempts of one plain step."""

from dataclasses import replace
from datetime import datetime, timedelta

from apps.executions.engine.attempts import Attempts
from apps.executions.engine.frames import Frame
from apps.executions.engine.interrupts import Interrupted
from apps.executions.engine.ports import Prepared, Result
from apps.executions.engine.records import Record
from apps.steps.base import OnCrash
from apps.steps.context import Resumption
from apps.steps.signals import FlowSignal, Park
from apps.workflows.definition.model import Node

_MAY_HAVE_HAPPENED = (
    "The worker died while this step ran. It may or may not have happened; "
    "on_crash decides: retry, fail or skip."
)
# A field that is still there is found at once on a page that is loaded.
_REDO = timedelta(seconds=5)
_PAST = (
    "The browser was replaced, and this could not be done again: the page has gone on "
    "since, as after signing in."
)
_Own = tuple[float, timedelta]


class Leaves:
    """Runs plain steps, going on from what is recorded of them."""

    def __init__(self, attempts: Attempts) -> None:
        self.attempts = attempts
        self.journal = attempts.journal
        self.performer = attempts.performer

    def run(self, node: Node, frame: Frame, path: str, last: Record | None) -> Record:
        """Run the step until it succeeds or gives up; its last attempt, ended.

        Raises:
            Park: it waits.
            FlowSignal, BlockTimedOut, Interrupted: the walk goes on elsewhere.
        """
        record, resumed = self._opened(node, frame, path, last)
        lost = record is last and record.effect == "write" and resumed is None
        while True:
            failure = self._attempt(node, frame, record, resumed, lost=lost)
            if failure is None:
                return record
            again = self.attempts.again(node, frame, record, failure)
            if again is None:
                return record
            record, resumed, lost = again, None, False

    def redo(self, node: Node, frame: Frame, done: Record) -> Record:
        """Do a step again on a page that may be past it; else it stays done."""
        again = replace(done, status=Record.RUNNING, started_at=self.performer.now())
        failure = self._attempt(node, frame, again, None, lost=False, limit=_REDO)
        if failure is None:
            return again
        done.warnings = [*done.warnings, _PAST]
        self.journal.end(done)
        return done

    def _opened(
        self, node: Node, frame: Frame, path: str, last: Record | None
    ) -> tuple[Record, Resumption | None]:
        if last is not None and last.status == Record.WAITING:
            return last, self._resumption(last)
        if last is not None and last.status == Record.RUNNING:
            last.started_at = self.performer.now()
            return last, None
        self.attempts.await_retry(last, frame)
        return self.attempts.new(node, path, last), None

    def _resumption(self, record: Record) -> Resumption:
        state = record.state or {}
        due_at = state.get("due_at")
        due = datetime.fromisoformat(due_at) if due_at else None
        is_early = due is not None and due > self.performer.now()
        if is_early and not state.get("may_wake"):
            # Woken for another reason, such as a parallel branch: wait on.
            raise Park(reason=state["reason"], due_at=due, data=state["data"])
        parked_at = datetime.fromisoformat(state["parked_at"])
        return Resumption(state["data"], parked_at, due)

    def _attempt(
        self,
        node: Node,
        frame: Frame,
        record: Record,
        resumed: Resumption | None,
        *,
        lost: bool,
        limit: timedelta | None = None,
    ) -> BaseException | None:
        """Run one attempt; gives its failure, with the record still open, or None."""
        try:
            result = self._result(node, frame, record, resumed, lost=lost, limit=limit)
        except Park as park:
            self._park(record, park)
            raise
        except FlowSignal:
            # Not by its record but by being run again a replay finds the way.
            if record.status == Record.RUNNING:
                record.state = {"signals": True}
                self.attempts.end(record, Record.COMPLETED)
            raise
        except Exception as failure:
            return failure
        if result is None:
            return None
        record.output, record.output_json = result.output, result.output_json
        record.variables = result.variables
        record.variables_json = result.variables_json
        kept = record.warnings if resumed is not None else []
        record.warnings = [*kept, *result.warnings]
        # What is done again, or has waited, keeps the page of then.
        record.state = result.state or record.checkpoint or None
        record.error = None
        self.attempts.end(record, Record.COMPLETED)
        return None

    def _result(
        self,
        node: Node,
        frame: Frame,
        record: Record,
        resumed: Resumption | None,
        *,
        lost: bool,
        limit: timedelta | None,
    ) -> Result | None:
        """What the attempt gave; None when it may not be repeated."""
        limit = limit or node.timeout or getattr(node.kind, "timeout", None)
        own: _Own | None = None
        deadline = frame.deadline
        if limit is not None:
            own = self.performer.monotonic() + limit.total_seconds(), limit
            if deadline is None or own[0] < deadline:
                deadline = own[0]
        try:
            prepared = self.performer.prepare(
                node, frame.strand, frame.scope, deadline=deadline
            )
            if lost and not _may_repeat(node, prepared):
                self._end_unknown(node, prepared, record)
                return None
            self._begin(prepared, record)
            return self.performer.perform(
                prepared, record, frame.strand, deadline=deadline, resumed=resumed
            )
        except Interrupted:
            raise self.attempts.stopped(frame, record, own) from None

    def _begin(self, prepared: Prepared, record: Record) -> None:
        record.effect = prepared.effect
        record.status = Record.RUNNING
        if prepared.effect == "write":
            self.journal.intend(record)
        else:
            self.journal.begin(record)

    def _end_unknown(self, node: Node, prepared: Prepared, record: Record) -> None:
        """The worker died in a step that cannot be repeated: its author decides."""
        record.effect = prepared.effect
        record.warnings = ["The worker died during this step: its effect is unknown."]
        if _on_crash(node) is OnCrash.FAIL:
            record.error = {
                "code": "unknown_outcome",
                "kind": "platform",
                "message": _MAY_HAVE_HAPPENED,
                "path": record.path,
            }
        self.attempts.end(record, Record.UNKNOWN)

    def _park(self, record: Record, park: Park) -> None:
        now = self.performer.now()
        if park.due_at is None and park.due_in is not None:
            park.due_at = now + park.due_in
        record.state = {
            "reason": park.reason,
            "data": park.data,
            "due_at": park.due_at.isoformat() if park.due_at else None,
            "parked_at": now.isoformat(),
        }
        if park.may_wake:
            record.state["may_wake"] = True
        record.warnings = [*record.warnings, *park.warnings]
        record.status = Record.WAITING
        self.journal.end(record)


def _may_repeat(node: Node, prepared: Prepared) -> bool:
    """Whether a `write` step that may have happened is run again."""
    return prepared.is_keyed or _on_crash(node) is OnCrash.RETRY


def _on_crash(node: Node) -> OnCrash:
    declared: OnCrash = getattr(node.kind, "on_crash", OnCrash.FAIL)
    return node.on_crash or declared
