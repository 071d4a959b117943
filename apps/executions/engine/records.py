"""One attempt of one step, as the engine holds it in memory."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from apps.core.types import Json, JsonObject


@dataclass(slots=True)
class Record:
    """What is known of one attempt.

    Attributes:
        path: ids with the iterations of the loops around, such as `rows[17].mail`.
        position: place in the order in which paths were first reached.
        is_final: False for a failed attempt that will be tried again.
        state: what a waiting attempt needs to go on, or a browser's checkpoint.
        output_json, variables_json: as they are stored (masked), once known.
    """

    RUNNING: ClassVar[str] = "running"
    WAITING: ClassVar[str] = "waiting"
    COMPLETED: ClassVar[str] = "completed"
    FAILED: ClassVar[str] = "failed"
    SKIPPED: ClassVar[str] = "skipped"
    CANCELLED: ClassVar[str] = "cancelled"
    UNKNOWN: ClassVar[str] = "unknown"
    ENDED: ClassVar[frozenset[str]] = frozenset(
        {COMPLETED, FAILED, SKIPPED, CANCELLED, UNKNOWN}
    )

    path: str
    step_id: str
    type: str
    position: int
    started_at: datetime
    name: str = ""
    attempt: int = 1
    effect: str = "none"
    status: str = RUNNING
    is_final: bool = True
    duration_ms: int | None = None
    output: Json = None
    output_json: str | None = None
    error: JsonObject | None = None
    warnings: list[str] = field(default_factory=list)
    variables: JsonObject = field(default_factory=dict)
    variables_json: str | None = None
    state: JsonObject | None = None

    @property
    def ended_at(self) -> datetime:
        """When it ended, to the millisecond that is stored: the logical time."""
        if not self.duration_ms:
            return self.started_at
        return self.started_at + timedelta(milliseconds=self.duration_ms)

    @property
    def checkpoint(self) -> JsonObject:
        """Of `state` what says where the browser was; empty: nothing does."""
        state = self.state or {}
        return {name: state[name] for name in ("browser", "page") if name in state}

    @property
    def is_settled(self) -> bool:
        """Whether a replay may take it as it is."""
        return self.is_final and self.status in self.ENDED

    def end(self, status: str, now: datetime) -> None:
        """Close it with `status` at `now`."""
        self.status = status
        elapsed = (now - self.started_at).total_seconds() * 1000
        self.duration_ms = max(0, round(elapsed))
