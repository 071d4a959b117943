"""`idle`: one trivial step on a stack that has nothing else to do."""

from apps.ops.bench.cases.base import START, TRIVIAL, Case
from apps.ops.bench.measuring import latencies


class Idle(Case):
    """From submitting to the end, one at a time."""

    name = "idle"

    def warm_up(self) -> None:
        self._run(min(self.world.dose.samples, 20))

    def once(self) -> dict[str, float]:
        return latencies(self._run(self.world.dose.samples))

    def _run(self, samples: int) -> list[float]:
        workflow = self.world.workflow([TRIVIAL], variables=START)
        seconds = self.one_at_a_time(workflow, samples)
        self.world.check(workflow, samples, 1)
        return seconds
