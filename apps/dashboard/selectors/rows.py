"""Executions as rows of tables: who started them, and where they are."""

import uuid
from collections.abc import Collection, Iterable

from apps.accounts.models import User
from apps.executions.models import Execution, StepRecord


def people(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of these users, their e-mail addresses where they gave none."""
    if not ids:
        return {}
    found = User.objects.filter(id__in=ids).values_list("id", "name", "email")
    return {key: name or email for key, name, email in found}


def starters(rows: Iterable[Execution]) -> dict[uuid.UUID, str]:
    """Names of the people who started these executions."""
    ids = {row.triggered_by for row in rows if row.triggered_by is not None}
    return people(ids)


def steps_at(rows: Iterable[Execution]) -> dict[uuid.UUID, StepRecord]:
    """The step that each open one of these executions is at."""
    ids = [row.id for row in rows if not row.is_final]
    if not ids:
        return {}
    open_ = StepRecord.objects.filter(
        execution_id__in=ids, status__in=[StepRecord.RUNNING, StepRecord.WAITING]
    )
    light = open_.only("execution_id", "path", "attempt", "name", "type", "position")
    return {one.execution_id: one for one in light.order_by("position")}


class ExecutionRows:
    """Executions of a table, with who started them and where they are."""

    def __init__(self, rows: list[Execution]) -> None:
        names, at = starters(rows), steps_at(rows)
        for row in rows:
            starter = names.get(row.triggered_by) if row.triggered_by else None
            row.starter = starter  # type: ignore[attr-defined]  # for the template
            row.at = at.get(row.id)  # type: ignore[attr-defined]  # for the template
        self.rows = rows
