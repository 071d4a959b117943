"""`watched`: the burst of `short` while nobody watches, and while a hundred do."""

import time

from apps.ops.bench.audience import audience
from apps.ops.bench.cases.short import Short
from apps.ops.bench.measuring import wait_for

CLIENTS = 100
ARRIVES_S = 2.0


class Watched(Short):
    """What it costs the engine that people watch: events, hints, and their delivery."""

    name = "watched"

    def once(self) -> dict[str, float]:
        alone = self._burst(self._workflow())["executions_per_s"]
        workflow, world = self._workflow(), self.world
        token = str(world.api().headers["Authorization"]).partition(" ")[2]
        with audience(
            world.stack,
            token=token,
            ports=[world.stack.port],
            clients=CLIENTS,
            # It tells the most: of each execution, and of each step.
            channels=[f"workflow-execution:{workflow.id}"],
        ) as watchers:
            watched = self._burst(workflow)["executions_per_s"]
            wait_for(world.observer.is_published)
            time.sleep(ARRIVES_S)
            heard = watchers.ends()
        return {
            "unwatched_executions_per_s": alone,
            "watched_executions_per_s": watched,
            "share": watched / alone,
            # Those that read too slowly; here they stay away.
            "cut": heard["reconnects"],
            "lost": 3 * world.dose.burst * CLIENTS - heard["events"],
            "doubled": heard["doubled"],
        }
