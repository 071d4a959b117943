"""What a case is, and the workflow steps that several use."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from apps.ops.bench.cases.world import World
from apps.ops.bench.measuring import Watch
from apps.workflows.models import Workflow

START = {"x": 0}
TRIVIAL: dict[str, Any] = {
    "type": "set_variable",
    "params": {"name": "x", "value": "{{ variables.x + 1 }}"},
}
"""A step that computes next to nothing: what is left is the engine."""


class Case(ABC):
    """One kind of work; `once` may be called again and again."""

    name: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def warm_up(self) -> None:
        """Do a little of it, so that nothing is done for the first time later."""

    @abstractmethod
    def once(self) -> dict[str, float]:
        """One round; the figures by name.

        Raises:
            BenchError: the work was not done right.
        """

    def one_at_a_time(self, workflow: Workflow, samples: int) -> list[float]:
        """Seconds from submitting to its end seen, of one execution after the other."""
        watch, world = Watch(), self.world
        return [
            watch.time(lambda: world.start(workflow), world.observer.has_ended)
            for _ in range(samples)
        ]
