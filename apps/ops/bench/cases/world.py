"""What the cases work with: an organization on the benchmark's platform."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.types import JsonObject
from apps.executions.models import Execution
from apps.executions.services import execution_start
from apps.ops.bench.base import BenchError
from apps.ops.bench.doses import Dose
from apps.ops.bench.machine import cpu_s
from apps.ops.bench.measuring import wait_for
from apps.ops.bench.observer import Observer
from apps.ops.bench.stack import BenchStack
from apps.workflows.models import Workflow
from apps.workflows.services.workflows import workflow_create

SUBMITTER = "submitter"


@dataclass
class World:
    """One organization whose workflows are measured.

    Attributes:
        rest: writing transactions a second of the stack while nothing is to do.
    """

    stack: BenchStack
    observer: Observer
    dose: Dose
    rest: float = 0.0
    viewer: Viewer = field(init=False)

    def __post_init__(self) -> None:
        self.viewer = Viewer.platform(self.observer.organization())

    def workflow(self, steps: list[dict[str, Any]], **more: Any) -> Workflow:
        """A new workflow of these steps."""
        name = f"bench {uuid.uuid4().hex[:12]}"
        document = {"schema": 1, "name": name, "steps": steps, **more}
        with tenancy.tenant(self.viewer.organization_id):
            return workflow_create(by=self.viewer, document=document)

    def start(self, workflow: Workflow, inputs: JsonObject | None = None) -> uuid.UUID:
        """Submit one execution, as a schedule or a webhook would."""
        return execution_start(workflow=workflow, trigger="api", inputs=inputs).id

    def now(self, execution_id: uuid.UUID) -> Execution:
        """An execution as it stands now."""
        with tenancy.tenant(self.viewer.organization_id):
            return Execution.objects.get(id=execution_id)

    def wait_until_all_end(self, workflow: Workflow) -> None:
        """Return once none of the workflow's executions is open."""
        wait_for(lambda: self.observer.count_open(workflow.id) == 0)
        self.stack.check()

    def check(self, workflow: Workflow, executions: int, records: int) -> None:
        """See that the work was done: all completed, each step with its record.

        Raises:
            BenchError: it was not.
        """
        statuses = self.observer.statuses(workflow.id)
        if statuses != {"completed": executions}:
            raise BenchError(f"expected {executions} completed, found {statuses}")
        found = self.observer.completed_records(workflow.id)
        if found != executions * records:
            raise BenchError(
                f"{found} step records for {executions} of {records} steps"
            )

    @contextmanager
    def accounting(self, executions: int) -> Iterator[dict[str, float]]:
        """Adds what the block cost: commits and processor time an execution.

        What the idle stack commits in the same time is taken off.
        """
        costs: dict[str, float] = {}
        before, own = cpu_s(self.stack.pids()), time.process_time()
        with self.observer.counting() as writes:
            yield costs
            after = cpu_s(self.stack.pids())
            own = time.process_time() - own
        extra = writes.commits - self.rest * writes.seconds
        costs["commits_per_execution"] = extra / executions
        used = {name: after[name] - before.get(name, 0.0) for name in after}
        for name, seconds in {SUBMITTER: own, **used}.items():
            costs[f"cpu_ms_{name}"] = seconds * 1000 / executions

    def measure_rest(self) -> dict[str, float]:
        """What the stack does while nothing is to do."""
        time.sleep(1)
        before = cpu_s(self.stack.pids())
        with self.observer.counting() as writes:
            time.sleep(self.dose.rest_s)
        after = cpu_s(self.stack.pids())
        self.rest = writes.commits / writes.seconds
        used = sum(after.values()) - sum(before.values())
        return {
            "commits_per_s": round(self.rest, 2),
            "cpu_percent": round(100 * used / writes.seconds, 1),
        }

    def api(self) -> requests.Session:
        """A signed-in client of the REST API."""
        session = requests.Session()
        session.trust_env = False  # a proxy cannot reach our loopback
        body = {key: self.stack.sign_in[key] for key in ("email", "password")}
        answer = session.post(f"{self.stack.url}/api/auth/token", json=body, timeout=30)
        answer.raise_for_status()
        session.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return session
