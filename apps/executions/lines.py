"""Steps as lines of a terminal."""

from rich.console import Console
from rich.text import Text

from apps.executions.models import Execution, StepRecord

_MARKS = {
    "running": ("…", "cyan"),
    "waiting": ("⏸", "yellow"),
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "cancelled": ("✗", "magenta"),
    "unknown": ("?", "yellow"),
}


def step_line(record: StepRecord) -> Text:
    """One step: mark, path, name, time, and what went wrong."""
    mark, color = _MARKS[record.status]
    line = Text(f"{mark} ", style=color)
    line.append(record.path, style="bold")
    if record.name:
        line.append(f"  {record.name}", style="dim")
    if record.attempt > 1:
        line.append(f"  attempt {record.attempt}", style="yellow")
    if record.duration_ms is not None:
        line.append(f"  {record.duration_ms / 1000:.2f} s", style="dim")
    if record.status == StepRecord.WAITING:
        line.append(f"  {(record.state or {}).get('reason', '')}", style="yellow")
    if record.error:
        line.append(f"\n    {record.error.get('message', '')}", style="red")
    for warning in record.warnings:
        line.append(f"\n    {warning}", style="yellow")
    return line


def end_line(execution: Execution) -> Text:
    """How an execution ended."""
    mark, color = _MARKS[execution.status]
    line = Text(f"{mark} {execution.status}", style=f"bold {color}")
    if execution.started_at and execution.finished_at:
        elapsed = execution.finished_at - execution.started_at
        line.append(f" in {elapsed.total_seconds():.2f} s", style="dim")
    if execution.reason:
        line.append(f"  {execution.reason}")
    return line


def console() -> Console:
    """A console for lines: no guessing of numbers, no cutting of long texts."""
    return Console(highlight=False, soft_wrap=True)
