"""What is kept: the rule of each workflow, from three places.

The workflow's own `settings.retention` (of its current version) comes first, then
its organization's columns, then the installation's settings; each part for itself.
"""

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from pydantic import ValidationError

from apps.core import tenancy
from apps.core.ids import uuid7_floor
from apps.workflows.definition.fields import RetentionFields
from apps.workflows.definition.model import Retention

log = logging.getLogger(__name__)

PAGE = 500
_FIRST = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which ended executions of one workflow are due.

    Attributes:
        completed_before: when completed and cancelled ones must have ended; None:
            they are kept for ever.
        failed_before: the same for failed ones.
        keep_last: the newest ended ones that are kept however old they are.
    """

    organization_id: uuid.UUID
    workflow_id: uuid.UUID
    completed_before: datetime | None
    failed_before: datetime | None
    keep_last: int = 0

    @property
    def newest(self) -> uuid.UUID | None:
        """No execution from this id on is due; None: none is at all.

        An execution cannot have ended before its id was made.
        """
        times = [t for t in (self.completed_before, self.failed_before) if t]
        return uuid7_floor(max(times)) if times else None


# The oldest execution of a workflow is one look into an index; so where nothing is
# due, nothing more is read. `BETWEEN` one value and itself, and the first part of the
# order, leave the planner only that index: with `=` it may walk all executions by id.
_WORKFLOWS = """
    SELECT w.id, w.organization_id, clock_timestamp(),
        o.keep_completed_days, o.keep_failed_days, o.keep_last,
        CASE WHEN position('"retention"' in v.document_text) > 0
            THEN v.document_text END,
        (SELECT e.id FROM executions_execution e
            WHERE e.workflow_id BETWEEN w.id AND w.id
            ORDER BY e.workflow_id DESC, e.id LIMIT 1)
    FROM workflows_workflow w
    JOIN accounts_organization o ON o.id = w.organization_id
    JOIN workflows_workflowversion v ON v.id = w.current_version_id
    WHERE w.id > %s ORDER BY w.id LIMIT %s
"""


def rules() -> Iterator[Rule]:
    """The rules of all workflows that have executions old enough to be due."""
    after = _FIRST
    while rows := _page(after):
        for row in rows:
            rule, oldest = _rule(row), row[-1]
            if oldest and rule.newest and oldest < rule.newest:
                yield rule
        after = rows[-1][0]
        if len(rows) < PAGE:
            return


def _page(after: uuid.UUID) -> list[tuple[Any, ...]]:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_WORKFLOWS, [after, PAGE])
        return list(cursor.fetchall())


def _rule(row: tuple[Any, ...]) -> Rule:
    workflow_id, organization_id, now, completed, failed, keep_last, text, _ = row
    own = _own(workflow_id, text)
    return Rule(
        organization_id=organization_id,
        workflow_id=workflow_id,
        completed_before=_before(
            now, own.completed, completed, settings.RETENTION_COMPLETED_DAYS
        ),
        failed_before=_before(now, own.failed, failed, settings.RETENTION_FAILED_DAYS),
        keep_last=own.keep_last if own.keep_last is not None else keep_last or 0,
    )


def _own(workflow_id: uuid.UUID, document_text: str | None) -> Retention:
    """What the workflow's document says."""
    if document_text is None:
        return Retention()
    written = (json.loads(document_text).get("settings") or {}).get("retention")
    try:
        return RetentionFields.model_validate(written or {}).build()
    except ValidationError:
        # Saved documents are valid; should one not be, nothing of it may be lost.
        log.warning("retention not readable", extra={"workflow_id": workflow_id})
        return Retention(Retention.FOREVER, Retention.FOREVER)


def _before(
    now: datetime,
    own: timedelta | None,
    days: int | None,
    installation: timedelta | None,
) -> datetime | None:
    if own is not None:
        kept = None if own == Retention.FOREVER else own
    elif days is not None:
        kept = timedelta(days=days) or None
    else:
        kept = installation
    return now - kept if kept is not None else None
