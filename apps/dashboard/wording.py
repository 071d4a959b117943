"""The platform's states and causes in words that people can act on."""

from datetime import datetime, timedelta

from apps.core.types import Json, JsonObject
from apps.executions.engine import masking
from apps.executions.models import Execution

CRASHED = "crashed"
NOTHING = "\N{EN DASH}"
SHOWN_STATES = (*Execution.STATUSES, CRASHED)
TRIGGERS = {
    "api": "API",
    "cli": "command line",
    "manual": "by hand",
    "retry": "retry",
    "schedule": "schedule",
    "test": "test of a step",
    "webhook": "webhook",
    "workflow": "another workflow",
}
EVIDENCE = {
    "screenshot": "screenshot",
    "dom": "page",
    "console": "console",
    "requests": "failed requests",
    "har": "traffic (HAR)",
}


def is_crash(error: Json) -> bool:
    """Whether it was the platform's fault, not the author's."""
    return isinstance(error, dict) and error.get("kind") == "platform"


def state_of(status: str, error: Json) -> str:
    """The state as people see it: a failure that was our fault is a crash."""
    if status == Execution.FAILED and is_crash(error):
        return CRASHED
    return status


def message_of(error: JsonObject | None) -> str:
    """What went wrong, with secrets as `***`; empty without an error."""
    text: str = masking.conceal((error or {}).get("message", ""))
    return text


def why(execution: Execution) -> str:
    """Why it waits, stops or failed; empty when there is nothing to explain."""
    reason: str = masking.conceal(execution.reason)
    if execution.status == Execution.FAILED:
        return message_of(execution.error) or reason
    if execution.status == Execution.CANCELLED:
        return "" if reason == "cancelled" else reason
    if execution.cancel_requested_at is not None and not execution.is_final:
        return "cancel was asked for; it stops now"
    if execution.status == Execution.QUEUED:
        return reason or "in line for a free worker"
    if execution.status == Execution.WAITING and execution.due_at is not None:
        return f"{reason}; goes on at {clock(execution.due_at)}"
    return reason


def clock(time: datetime) -> str:
    """A time of day, in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def duration(time: timedelta | float | None) -> str:
    """A duration in two units at most; a number is in milliseconds."""
    if time is None:
        return NOTHING
    ms = time.total_seconds() * 1000 if isinstance(time, timedelta) else time
    if ms < 999.5:
        return f"{max(ms, 0):.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"
