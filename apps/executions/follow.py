"""Following one execution from outside: its steps as they happen, then its end."""

import time
import uuid
from collections.abc import Callable, Iterator

from apps.core import tenancy
from apps.executions import selectors
from apps.executions.models import Execution, StepRecord

POLL_S = 0.15


def follow(
    execution: Execution, *, give_up: Callable[[], bool] = lambda: False
) -> Iterator[StepRecord]:
    """Yield each step record when it appears or changes, until the execution ends.

    Args:
        give_up: asked between polls; True stops the following, not the execution.
    """
    seen: dict[tuple[str, int], str] = {}
    while not give_up():
        with tenancy.tenant(execution.organization_id):
            is_final = status(execution).status in Execution.FINAL
            changed = _changed(execution.id, seen)
        yield from _blocks_last(changed)
        if is_final:
            return
        time.sleep(POLL_S)


def status(execution: Execution) -> Execution:
    """The execution as it stands now."""
    with tenancy.tenant(execution.organization_id):
        return selectors.execution_get(execution.id)


def _changed(
    execution_id: uuid.UUID, seen: dict[tuple[str, int], str]
) -> list[StepRecord]:
    changed = []
    records = StepRecord.objects.filter(execution_id=execution_id)
    for record in records.defer("output", "output_packed").order_by("position"):
        key = (record.path, record.attempt)
        if seen.get(key) != record.status:
            seen[key] = record.status
            changed.append(record)
    return changed


def _blocks_last(records: list[StepRecord]) -> Iterator[StepRecord]:
    """A block that has ended comes after its steps, as it happened."""
    ended: list[StepRecord] = []
    for record in records:
        while ended and not _is_in(record, ended[-1]):
            yield ended.pop()
        if record.duration_ms is None:
            yield record
        else:
            ended.append(record)
    yield from reversed(ended)


def _is_in(record: StepRecord, block: StepRecord) -> bool:
    return record.path.startswith((f"{block.path}[", f"{block.path}."))
