"""`writes`: ten POSTs to a local server an execution, each committed around."""

from typing import Any

import requests

from apps.ops.bench.base import BenchError
from apps.ops.bench.cases.base import Case
from apps.workflows.models import Workflow

STEPS = 10


class Writes(Case):
    """Executions a second, commits an execution; each effect happens once."""

    name = "writes"

    def warm_up(self) -> None:
        workflow = self._workflow()
        for _ in range(5):
            self.world.start(workflow)
        self.world.wait_until_all_end(workflow)

    def once(self) -> dict[str, float]:
        world, count, workflow = self.world, self.world.dose.writes, self._workflow()
        before = self._counts()
        with world.accounting(count) as costs:
            began = world.observer.clock()
            for _ in range(count):
                world.start(workflow)
            world.wait_until_all_end(workflow)
        world.check(workflow, count, STEPS)
        after = self._counts()
        for name in ("requests", "keys"):
            if after[name] - before[name] != count * STEPS:
                raise BenchError(
                    f"{name} at the server: {before} before, {after} after"
                )
        took = world.observer.last_finish(workflow.id) - began
        return {"executions_per_s": count / took, **costs}

    def _workflow(self) -> Workflow:
        url = f"http://127.0.0.1:{self.world.stack.sink_port}/"
        params = {"method": "POST", "url": url, "json": {"x": 1}}
        step: dict[str, Any] = {"type": "http_request", "params": params}
        return self.world.workflow([step] * STEPS)

    def _counts(self) -> dict[str, int]:
        with requests.Session() as session:
            session.trust_env = False
            url = f"http://127.0.0.1:{self.world.stack.sink_port}/"
            counts: dict[str, int] = session.get(url, timeout=10).json()
        return counts
