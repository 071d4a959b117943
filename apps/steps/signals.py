"""How a step leaves the straight line: failing, leaving a loop, or waiting.

`StepFailed` is an ordinary exception: `try` blocks catch it. The others are no
errors, so they derive from `BaseException` and pass through `except Exception`.
"""

from datetime import datetime, timedelta

from apps.core.types import Json, JsonObject


class StepFailed(Exception):
    """A step failed for good: retries are used up and `on_error` is `fail`.

    Attributes:
        error: `{code, kind, message, path}` as it stands in the record.
    """

    def __init__(self, error: JsonObject) -> None:
        super().__init__(str(error.get("message", "")))
        self.error = error


class FlowSignal(BaseException):
    """The flow goes on somewhere else; blocks run their `finally` on the way."""


class BreakLoop(FlowSignal):
    """Leave the innermost loop."""


class ContinueLoop(FlowSignal):
    """Go on with the innermost loop's next iteration."""


class StopExecution(FlowSignal):
    """End the execution here.

    Attributes:
        status: `completed` or `failed`.
        message: why, for people.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Park(BaseException):
    """Wait without holding a worker; `run` is called again when it is time.

    Attributes:
        due_in: how long to wait, or None: until something wakes the execution.
        due_at: or the time to wait for (aware UTC).
        reason: what it waits for, for people ("delay until 14:00").
        data: JSON handed back as `ctx.resumed.data`.
        may_wake: whether `run` is called again, too, when the execution is woken
            before it is due: what it waits for may have come.
        warnings: of the attempt, so that people see them while it waits.
    """

    def __init__(
        self,
        *,
        reason: str,
        due_in: timedelta | None = None,
        due_at: datetime | None = None,
        data: Json = None,
        may_wake: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.due_in = due_in
        self.due_at = due_at
        self.data = data
        self.may_wake = may_wake
        self.warnings: list[str] = []
