"""How a block drives the steps inside it: the engine's side of `steps.base.Flow`."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.core.expressions import Scope, truth
from apps.core.types import Json
from apps.executions.engine import interrupts
from apps.executions.engine.frames import Frame
from apps.executions.engine.ports import ExecutionTimedOut
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import Condition, Steps, Value
from apps.steps.signals import FlowSignal, Park

if TYPE_CHECKING:
    from apps.executions.engine.interpreter import Interpreter

# How long a branch may take to answer an interrupt.
_LATE_S = 1.0


class BlockFlow:
    """The flow of one block's record."""

    def __init__(
        self, interpreter: "Interpreter", frame: Frame, record: Record
    ) -> None:
        self._interpreter = interpreter
        self._frame = frame
        self._record = record
        self._evaluated = 0
        self.max_iterations = interpreter.max_iterations

    def evaluate(self, value: Value) -> Json:
        """The value now, with the names in reach."""
        # Chance differs each time a `while` asks, and is the same on a replay.
        self._frame.strand.at(f"{self._record.path}#{self._evaluated}")
        self._evaluated += 1
        return self._interpreter.evaluate(value, self._frame)

    def test(self, condition: Condition) -> bool:
        """The condition's answer now."""
        return truth(self.evaluate(condition))

    def run(self, steps: Steps, names: Mapping[str, Json] | None = None) -> Json:
        """Run a body once; gives its last step's output."""
        return self._interpreter.body(steps, self._inner(names, None))

    def iterate(self, steps: Steps, index: int, names: Mapping[str, Json]) -> Json:
        """Run a body as iteration `index` of this block."""
        return self._interpreter.body(steps, self._inner(names, index))

    def _inner(self, names: Mapping[str, Json] | None, index: int | None) -> Frame:
        """The frame of a body: names added, attempt and iteration in the path."""
        frame, record = self._frame, self._record
        tries = f"~{record.attempt}" if record.attempt > 1 else ""
        prefix = frame.prefix
        if index is not None:
            prefix = f"{record.path}{tries}[{index}]."
        elif tries:
            prefix = f"{record.path}{tries}."
        scope = frame.scope.child(names) if names else frame.scope
        return frame.inside(scope, prefix)

    def warn(self, message: str) -> None:
        """Put a warning on the block's record."""
        if message not in self._record.warnings:
            self._record.warnings.append(message)

    def parallel(self, branches: Sequence[tuple[str, Steps]]) -> dict[str, Json]:
        """Run bodies in threads; merge their variables in branch order."""
        frame = self._inner(None, None)
        running = [
            _Branch(self._interpreter, name, steps, frame) for name, steps in branches
        ]
        try:
            for branch in running:
                branch.start()
            self._await(running)
        except BaseException:
            _stop(running)
            raise
        frame.strand.join([branch.frame.strand for branch in running])
        _raise_first(running)
        return {branch.branch: branch.output for branch in running}

    def _await(self, running: "list[_Branch]") -> None:
        """Wait for the branches; interruptible, so that orders reach them too."""
        until = self._frame.deadline
        if until is not None:
            # Each branch keeps it by itself; this is for one that does not answer.
            until += _LATE_S
        try:
            interrupts.run_until(until, _watch, running)
        except interrupts.Interrupted:
            cause = self._interpreter.attempts.stopped(self._frame)
            performer = self._interpreter.performer
            performer.branches_overdue = isinstance(cause, ExecutionTimedOut)
            _stop(running)
            performer.branches_overdue = False
            raise cause from None


class _Branch(threading.Thread):
    """One branch: a strand of its own in a thread of its own."""

    def __init__(
        self, interpreter: "Interpreter", name: str, steps: Steps, frame: Frame
    ) -> None:
        super().__init__(name=f"branch {name}", daemon=True)
        self.branch = name
        self.arm = interrupts.Arm()
        strand = frame.strand.fork()
        self.frame = replace(frame, strand=strand, scope=_rebase(frame, strand))
        self.output: Json = None
        self.failure: BaseException | None = None
        self._interpreter = interpreter
        self._steps = steps

    def run(self) -> None:
        interrupts.enter_thread(self.arm)
        try:
            self.output = self._interpreter.body(self._steps, self.frame)
        except BaseException as failure:
            self.failure = failure
        finally:
            interrupts.leave_thread(self.arm)
            self._interpreter.performer.leave_thread()


def _rebase(frame: Frame, strand: Strand) -> Scope:
    """The frame's loop names over the fork's own variables and steps."""
    scope = strand.scope
    for names in reversed(frame.scope.frames[:-1]):
        scope = scope.child(names)
    return scope


def _watch(running: list[_Branch]) -> None:
    """Wait for all, and keep the deadlines of all: threads get no alarms."""
    for branch in running:
        while branch.is_alive():
            branch.join(timeout=0.1)
            for other in running:
                interrupts.interrupt_overdue(other.arm)


def _stop(branches: list[_Branch]) -> None:
    """Interrupt the branches; one that is stuck outside of Python is left behind."""
    for branch in branches:
        interrupts.interrupt_thread(branch.arm)
    give_up = time.monotonic() + _LATE_S
    for branch in branches:
        if branch.ident is not None:
            branch.join(timeout=max(0.0, give_up - time.monotonic()))


def _raise_first(branches: "list[_Branch]") -> None:
    """Raise what the branches ended with: failures before signals before waits."""
    failures = [branch.failure for branch in branches if branch.failure]
    for failure in failures:
        if not isinstance(failure, Park | FlowSignal):
            raise failure
    for failure in failures:
        if isinstance(failure, FlowSignal):
            raise failure
    parks = [failure for failure in failures if isinstance(failure, Park)]
    if parks:
        due = [park for park in parks if park.due_at is not None]
        raise min(due, key=lambda park: park.due_at or 0) if due else parks[0]
