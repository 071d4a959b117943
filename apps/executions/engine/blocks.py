"""How a block drives the steps inside it: the engine's side of `steps.base.Flow`."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.core.expressions import Scope
from apps.core.types import Json
from apps.executions.engine import interrupts
from apps.executions.engine.records import Record
from apps.executions.engine.strand import Strand
from apps.steps.base import Condition, Steps, Value
from apps.steps.signals import FlowSignal, Park

if TYPE_CHECKING:
    from apps.executions.engine.frames import Frame
    from apps.executions.engine.interpreter import Interpreter

_NOTHING: Mapping[str, Json] = {}


class BlockFlow:
    """The flow of one block's record."""

    def __init__(
        self, interpreter: "Interpreter", frame: "Frame", record: Record
    ) -> None:
        self._interpreter = interpreter
        self._frame = frame
        self._record = record
        self.max_iterations = interpreter.max_iterations

    def evaluate(self, value: Value) -> Json:
        """The value now, with the names in reach."""
        self._frame.strand.at(self._record.path)
        return value.compiled.render(self._frame.scope)

    def test(self, condition: Condition) -> bool:
        """The condition's answer now."""
        self._frame.strand.at(self._record.path)
        return self._interpreter.test(condition, self._frame)

    def run(self, steps: Steps, names: Mapping[str, Json] | None = None) -> Json:
        """Run a body once; gives its last step's output."""
        frame = self._interpreter.frame_for(
            self._frame, self._record, names or _NOTHING, None
        )
        return self._interpreter.body(steps, frame)

    def iterate(self, steps: Steps, index: int, names: Mapping[str, Json]) -> Json:
        """Run a body as iteration `index` of this block."""
        frame = self._interpreter.frame_for(self._frame, self._record, names, index)
        return self._interpreter.body(steps, frame)

    def warn(self, message: str) -> None:
        """Put a warning on the block's record."""
        if message not in self._record.warnings:
            self._record.warnings.append(message)

    def parallel(self, branches: Sequence[tuple[str, Steps]]) -> dict[str, Json]:
        """Run bodies in threads; merge their variables in branch order."""
        frame = self._interpreter.frame_for(self._frame, self._record, _NOTHING, None)
        running = [
            _Branch(self._interpreter, name, steps, frame) for name, steps in branches
        ]
        for branch in running:
            branch.start()
        try:
            for branch in running:
                # Interruptible: an order of the supervisor must reach the branches.
                interrupts.run(_watch, branch, running)
        except BaseException:
            _stop(running)
            raise
        frame.strand.join([branch.frame.strand for branch in running])
        _raise_first(running)
        return {branch.branch: branch.output for branch in running}


class _Branch(threading.Thread):
    """One branch: a strand of its own in a thread of its own."""

    def __init__(
        self, interpreter: "Interpreter", name: str, steps: Steps, frame: "Frame"
    ) -> None:
        super().__init__(name=f"branch {name}", daemon=True)
        self.branch = name
        strand = frame.strand.fork()
        scope = _rebase(frame, strand)
        self.frame = replace(frame, strand=strand, scope=scope)
        self.output: Json = None
        self.failure: BaseException | None = None
        self._interpreter = interpreter
        self._steps = steps

    def run(self) -> None:
        try:
            self.output = self._interpreter.body(self._steps, self.frame)
        except BaseException as failure:
            self.failure = failure
        finally:
            interrupts.forget_thread()
            self._interpreter.performer.leave_thread()


def _rebase(frame: "Frame", strand: Strand) -> Scope:
    """The frame's loop names over the fork's own variables and steps."""
    scope = strand.scope
    for names in reversed(frame.scope.frames[:-1]):
        scope = scope.child(names)
    return scope


def _watch(branch: _Branch, running: list[_Branch]) -> None:
    """Wait for a branch, and keep the deadlines of all: threads get no alarms."""
    while branch.is_alive():
        branch.join(timeout=0.1)
        for other in running:
            interrupts.interrupt_overdue(other)


def _stop(branches: "list[_Branch]") -> None:
    for branch in branches:
        if branch.is_alive():
            interrupts.interrupt_thread(branch)
    for branch in branches:
        branch.join(timeout=1.0)


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
