"""The state of one line of execution: what its expressions see.

An execution has one strand; a `parallel` block forks one for each branch and
joins them again in the order of the branches.
"""

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.core.expressions import Scope
from apps.core.types import Json, JsonObject
from apps.executions.engine.records import Record


class Strand:
    """Variables, outputs of steps, and the logical clock.

    Time stands still within a step and moves when one ends: `now()` is the end of
    the last recorded step (at first the execution's start), so that a replay sees
    the same times. Chance is seeded by execution and path for the same reason.

    Args:
        seed: text that is the same on every replay (the execution's id).
        started_at: aware start of the execution.
        fixed: names that do not change, such as `inputs`.
    """

    __slots__ = (
        "_random",
        "_set_steps",
        "_set_values",
        "fixed",
        "path",
        "scope",
        "seed",
        "steps",
        "time",
        "values",
    )

    def __init__(
        self,
        *,
        seed: str,
        started_at: datetime,
        fixed: Mapping[str, Any],
        values: dict[str, Json],
        steps: dict[str, JsonObject],
    ) -> None:
        self.seed = seed
        self.time = started_at
        self.fixed = fixed
        self.values = values
        self.steps = steps
        self.path = ""
        self._random: random.Random | None = None
        # The names that were set, in order: what a join takes over.
        self._set_values: dict[str, None] = {}
        self._set_steps: dict[str, None] = {}
        names = {**fixed, "variables": values, "steps": steps}
        self.scope = Scope(names, clock=self._now, entropy=self.entropy)

    def _now(self) -> datetime:
        return self.time

    def at(self, path: str) -> None:
        """Move to a step; its chance starts anew."""
        self.path = path
        self._random = None

    def entropy(self) -> random.Random:
        """The generator of the step we are at."""
        if self._random is None:
            # Not for secrets: it must give the same on every replay.
            self._random = random.Random(f"{self.seed}:{self.path}")  # noqa: S311
        return self._random

    def settle(self, record: Record, save_as: str | None) -> None:
        """Take over what a step did: its output, its variables, its time."""
        entry: JsonObject = {"output": record.output, "status": record.status}
        if record.error is not None:
            entry["error"] = record.error
        self.steps[record.step_id] = entry
        self._set_steps[record.step_id] = None
        for name, value in record.variables.items():
            self._set(name, value)
        if save_as is not None and record.status == Record.COMPLETED:
            self._set(save_as, record.output)
        self.time = max(self.time, record.ended_at)

    def _set(self, name: str, value: Json) -> None:
        self.values[name] = value
        self._set_values[name] = None

    def fork(self) -> "Strand":
        """A strand that starts from this one's state and goes its own way."""
        return Strand(
            seed=self.seed,
            started_at=self.time,
            fixed=self.fixed,
            values=dict(self.values),
            steps=dict(self.steps),
        )

    def join(self, others: "list[Strand]") -> None:
        """Take over what the forks changed, in their order."""
        for other in others:
            # By the names that it set: a value may be set to what it was before.
            for name in other._set_values:
                self._set(name, other.values[name])
            for name in other._set_steps:
                self.steps[name] = other.steps[name]
                self._set_steps[name] = None
            self.time = max(self.time, other.time)
