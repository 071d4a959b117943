"""`http`: a workflow of two steps, started by its webhook and waited for."""

from urllib.parse import urlsplit

from apps.ops.bench.base import BenchError
from apps.ops.bench.cases.base import START, TRIVIAL, Case
from apps.ops.bench.load import Answers, Request, storm
from apps.ops.bench.measuring import latencies
from apps.workflows.models import Workflow

STEPS = 2
CLIENTS = 50


class Http(Case):
    """Requests a second of 50 clients, and hundreds at once without an error."""

    name = "http"

    def warm_up(self) -> None:
        workflow = self._workflow()
        storm(self._request(workflow), clients=CLIENTS, total=CLIENTS)
        self.world.wait_until_all_end(workflow)

    def once(self) -> dict[str, float]:
        steady = self._storm(CLIENTS, self.world.dose.requests)
        rush = self._storm(self.world.dose.rush, self.world.dose.rush)
        return {
            "requests_per_s": len(steady.seconds) / steady.took_s,
            **latencies(steady.seconds),
            "errors": len(steady.errors),
            "rush_requests_per_s": len(rush.seconds) / rush.took_s,
            **latencies(rush.seconds, prefix="rush_"),
            "rush_errors": len(rush.errors),
        }

    def _storm(self, clients: int, total: int) -> Answers:
        workflow = self._workflow()
        answers = storm(self._request(workflow), clients=clients, total=total)
        if not answers.seconds:
            raise BenchError(f"no webhook call succeeded: {answers.errors[:1]}")
        self.world.wait_until_all_end(workflow)
        if not answers.errors:
            self.world.check(workflow, total, STEPS)
        return answers

    def _workflow(self) -> Workflow:
        return self.world.workflow([TRIVIAL] * STEPS, variables=START)

    def _request(self, workflow: Workflow) -> Request:
        world = self.world
        with world.api() as api:
            url = f"{world.stack.url}/api/workflows/{workflow.id}/hook"
            answer = api.post(url, json={}, timeout=30)
        if answer.status_code not in {200, 201}:
            raise BenchError(f"no webhook: {answer.status_code} {answer.text[:200]}")
        path = urlsplit(answer.json()["url"]).path
        return Request(
            host="127.0.0.1",
            port=world.stack.port,
            path=f"{path}?wait=true",
            body=b'{"x": 1}',
            expected='"completed"',
        )
