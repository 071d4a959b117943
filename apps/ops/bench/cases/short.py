"""`short`: ten trivial steps, hundreds of executions at once and one at a time."""

from apps.ops.bench.base import BenchError
from apps.ops.bench.cases.base import START, TRIVIAL, Case
from apps.ops.bench.load import Request, storm
from apps.ops.bench.measuring import latencies
from apps.workflows.models import Workflow

STEPS = 10
REST_CLIENTS = 10


class Short(Case):
    """Throughput, latency, and the same submitted over REST."""

    name = "short"

    def warm_up(self) -> None:
        workflow = self._workflow()
        for _ in range(min(self.world.dose.burst, 50)):
            self.world.start(workflow)
        self.world.wait_until_all_end(workflow)

    def once(self) -> dict[str, float]:
        workflow = self._workflow()
        samples = self.world.dose.samples
        seconds = self.one_at_a_time(workflow, samples)
        self.world.check(workflow, samples, STEPS)
        return {
            **self._burst(self._workflow()),
            **latencies(seconds),
            **self._over_rest(),
        }

    def _workflow(self) -> Workflow:
        return self.world.workflow([TRIVIAL] * STEPS, variables=START)

    def _burst(self, workflow: Workflow) -> dict[str, float]:
        """From the first submit to the last finish by the database's clock."""
        world, count = self.world, self.world.dose.burst
        with world.accounting(count) as costs:
            began = world.observer.clock()
            for _ in range(count):
                world.start(workflow)
            submitted = world.observer.clock()
            world.wait_until_all_end(workflow)
        world.check(workflow, count, STEPS)
        return {
            "executions_per_s": count
            / (world.observer.last_finish(workflow.id) - began),
            "submits_per_s": count / (submitted - began),
            **costs,
        }

    def _over_rest(self) -> dict[str, float]:
        world, count, workflow = self.world, self.world.dose.burst, self._workflow()
        request = Request(
            host="127.0.0.1",
            port=world.stack.port,
            path=f"/api/workflows/{workflow.id}/execute",
            body=b'{"inputs": {}}',
            headers={"Authorization": str(world.api().headers["Authorization"])},
            expected_status=202,
        )
        began = world.observer.clock()
        answers = storm(request, clients=REST_CLIENTS, total=count)
        if answers.errors:
            raise BenchError(f"execute over REST: {answers.errors[0]}")
        world.wait_until_all_end(workflow)
        took = world.observer.last_finish(workflow.id) - began
        return {"rest_executions_per_s": count / took}
