"""`long`: one execution whose loop runs a trivial step a thousand times."""

from apps.ops.bench.cases.base import START, TRIVIAL, Case
from apps.ops.bench.measuring import Watch
from apps.workflows.models import Workflow


class Long(Case):
    """Steps a second, each with its record."""

    name = "long"

    def warm_up(self) -> None:
        self.one_at_a_time(self._workflow(self.world.dose.loop), 2)

    def once(self) -> dict[str, float]:
        world, steps = self.world, self.world.dose.loop
        workflow = self._workflow(steps)
        started = []

        def submit() -> object:
            started.append(world.start(workflow))
            return started[-1]

        with world.accounting(1) as costs:
            took = Watch().time(submit, world.observer.has_ended)
        world.check(workflow, 1, steps + 1)  # the loop has a record of its own
        return {
            "steps_per_s": steps / world.observer.running_s(started[0]),
            "steps_per_s_from_submit": steps / took,
            **costs,
        }

    def _workflow(self, times: int) -> Workflow:
        loop = {"type": "loop", "times": times, "steps": [TRIVIAL]}
        return self.world.workflow([loop], variables=START)
