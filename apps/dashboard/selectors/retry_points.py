"""Where a retry may start: the steps that its form lists."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.executions import selectors as executions
from apps.executions.models import StepRecord

STEPS_LISTED = 500


@dataclass(frozen=True, slots=True)
class RetryPoints:
    """The steps to choose from.

    Attributes:
        listed: path of each, and words for it, in the order in which they ran.
        hidden: how many others are recorded.
    """

    listed: list[tuple[str, str]]
    hidden: int


def retry_points(execution_id: uuid.UUID, failed: str | None) -> RetryPoints:
    """All steps where they are few, else those around the one that failed.

    Args:
        failed: its path; None takes the last ones.
    """
    rows = executions.step_list(execution_id).only(
        "execution_id", "path", "attempt", "position", "name", "type"
    )
    found = list(rows[: STEPS_LISTED + 1])
    if len(found) <= STEPS_LISTED:
        return RetryPoints(_named(found), 0)
    around = _around(rows, rows.filter(path=failed).first())
    return RetryPoints(_named(around), rows.count() - len(around))


def _around(rows: QuerySet[StepRecord], failed: StepRecord | None) -> list[StepRecord]:
    after: list[StepRecord] = []
    if failed is not None:
        after = list(rows.filter(position__gt=failed.position)[:STEPS_LISTED])
        rows = rows.filter(position__lte=failed.position)
    before = list(rows.order_by("-position", "-attempt")[:STEPS_LISTED])
    # What came before a failure is what people go back to.
    after = after[: max(STEPS_LISTED // 4, STEPS_LISTED - len(before))]
    return before[: STEPS_LISTED - len(after)][::-1] + after


def _named(records: Sequence[StepRecord]) -> list[tuple[str, str]]:
    return [(one.path, f"{one.path} · {one.name or one.type}") for one in records]
