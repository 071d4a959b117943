"""Submits to the yardstick's worker and measures; a process of its own.

Celery knows one current application a process, and in the benchmark's own process
that is the platform's. `python -m apps.ops.bench.floor.driver DOSE REPEAT` prints the
figures as JSON.
"""

import json
import os
import sys
from typing import Any

import psycopg

from apps.ops.bench.doses import DOSES, Dose
from apps.ops.bench.floor.tasks import run
from apps.ops.bench.measuring import Watch, latencies, summary, wait_for

SHORT_STEPS = 10
CASES = ("short", "idle", "long")


class Floor:
    """Submits to the yardstick and sees its ends as the platform's are seen."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def round(self, dose: Dose) -> dict[str, dict[str, float]]:
        """One round of all cases."""
        short = latencies(self._one_at_a_time(SHORT_STEPS, dose.samples))
        idle = latencies(self._one_at_a_time(1, dose.samples))
        took = Watch().time(lambda: self._submit(dose.loop), self._has_ended)
        long = {
            "steps_per_s": dose.loop / self._last_running_s(),
            "steps_per_s_from_submit": dose.loop / took,
        }
        short["executions_per_s"] = self.burst(dose.burst)
        return {"short": short, "idle": idle, "long": long}

    def burst(self, count: int) -> float:
        """Executions a second from the first submit to the last finish."""
        began = self._value("SELECT extract(epoch FROM clock_timestamp())")
        for _ in range(count):
            self._submit(SHORT_STEPS)
        query = "SELECT count(*) = 0 FROM execution WHERE finished_at IS NULL"
        wait_for(lambda: bool(self._value(query)))
        query = "SELECT extract(epoch FROM max(finished_at)) FROM execution"
        return count / float(self._value(query) - began)

    def _one_at_a_time(self, steps: int, samples: int) -> list[float]:
        watch = Watch()
        return [
            watch.time(lambda: self._submit(steps), self._has_ended)
            for _ in range(samples)
        ]

    def _submit(self, steps: int) -> int:
        query = (
            "INSERT INTO execution (state, input) VALUES ('queued', '{}') RETURNING id"
        )
        execution_id = int(self._value(query))
        run.delay(execution_id, steps)
        return execution_id

    def _has_ended(self, execution_id: int) -> bool:
        query = "SELECT finished_at IS NOT NULL FROM execution WHERE id = %s"
        return bool(self._value(query, execution_id))

    def _last_running_s(self) -> float:
        query = (
            "SELECT extract(epoch FROM finished_at - started_at)"
            " FROM execution ORDER BY id DESC LIMIT 1"
        )
        return float(self._value(query))

    def _value(self, query: str, *values: object) -> Any:
        row = self._connection.execute(query, values).fetchone()
        return row[0] if row else None


def main(dose_name: str, repeat: int) -> None:
    """Measure and print."""
    dose = DOSES[dose_name]
    with psycopg.connect(os.environ["FLOOR_DATABASE"], autocommit=True) as connection:
        floor = Floor(connection)
        floor.burst(dose.burst)  # warms up every child
        rounds = [floor.round(dose) for _ in range(repeat)]
    figures = {case: summary([one[case] for one in rounds]) for case in CASES}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
