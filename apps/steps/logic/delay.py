"""Step type `delay`: wait, long waits without holding a worker."""

from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from apps.core.durations import LONGEST
from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Duration, Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.signals import Park

_HOLDS_WORKER = timedelta(seconds=5)


class DelayParams(Params):
    """How long, or until when."""

    seconds: Duration | None = Field(
        default=None,
        description="Seconds, or a text such as `30s`, `5m`, `2h`, `1d`.",
    )
    until: AwareDatetime | None = Field(
        default=None,
        description="Or a time with its zone, such as `2026-05-01T08:00:00+02:00`.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("give either `seconds` or `until`")
        return self


@register("delay")
class Delay(StepType[DelayParams]):
    """Wait some time, or until a point in time that may have passed.

    Up to 5 s the worker waits; for longer the execution is put aside and costs
    nothing. The longest wait is 366 days. The output is `{waited_s}`.

    Example:
        - type: delay
          params: {seconds: 5m}
    """

    params_class = DelayParams

    def summary(self, params: DelayParams) -> str:
        if params.until is not None:
            return f"wait until {params.until.isoformat()}"
        return f"wait {params.seconds}"

    def run(self, params: DelayParams, ctx: StepContext) -> Json:
        if ctx.resumed is not None:
            waited = datetime.now(UTC) - ctx.resumed.parked_at
            return {"waited_s": round(waited.total_seconds(), 3)}
        wait = _length(params)
        if wait > _HOLDS_WORKER:
            raise _park(params, wait)
        ctx.sleep(wait)
        return {"waited_s": round(wait.total_seconds(), 3)}


def _length(params: DelayParams) -> timedelta:
    if params.until is None:
        return params.seconds or timedelta(0)
    wait = params.until - datetime.now(UTC)
    if wait > LONGEST:
        raise PermanentFailure(
            f"{params.until.isoformat()} is more than 366 days away.", code="too_long"
        )
    return max(wait, timedelta(0))


def _park(params: DelayParams, wait: timedelta) -> Park:
    if params.until is None:
        return Park(reason=f"delay of {wait}", due_in=wait)
    until = params.until.astimezone(UTC)
    return Park(reason=f"delay until {until.isoformat()}", due_at=until)
