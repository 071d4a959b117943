"""Accepting executions: once this has committed, they will run."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Conflict, Invalid
from apps.core.ids import uuid7
from apps.core.types import Json
from apps.executions import cancels
from apps.executions.engine import acceptance, dispatcher, limits
from apps.executions.idempotency import Key
from apps.executions.models import Execution
from apps.executions.trail import audit_of
from apps.workflows import selectors as workflows
from apps.workflows.definition.inputs import check_inputs
from apps.workflows.definition.labels import check_labels
from apps.workflows.definition.model import Definition
from apps.workflows.models import Workflow


@dataclass(frozen=True, slots=True)
class Parent:
    """An execution that starts another one.

    Attributes:
        depth: of the new one, from 1.
        waits: it goes on only when the new one has ended.
    """

    id: uuid.UUID
    depth: int
    waits: bool

    @property
    def columns(self) -> dict[str, Any]:
        """What the new one keeps of it."""
        return {
            "parent_id": self.id,
            "depth": self.depth,
            "is_waited_for": self.waits,
            "has_masked_inputs": True,
        }


def execution_start(
    *,
    workflow: Workflow,
    inputs: Mapping[str, Json] | None = None,
    labels: Mapping[str, str] | None = None,
    trigger: str,
    by: Viewer | None = None,
    priority: int = 5,
    dry_run: bool = False,
    idempotency_key: str | None = None,
    fingerprinted: Mapping[str, Json] | None = None,
    parent: Parent | None = None,
    is_awaited: bool = False,
) -> Execution:
    """Accept an execution: once this has committed, it will run.

    It never waits for the broker: the row is the queue, the bell is rung after the
    commit. The same `idempotency_key` gives the same execution; keys of different
    triggers have nothing to do with each other.

    Args:
        labels: on top of those of the workflow; a name that both have is as here.
        fingerprinted: what a request that repeats a key has in common with the first
            one; the inputs unless told.
        parent: it starts this one; secrets among the inputs are masked then.
        is_awaited: whoever waits for its end is told of it.

    Raises:
        Invalid: the inputs do not fit the workflow, or the labels cannot be used.
        Conflict: the workflow is archived, or the parent is being cancelled.
        KeyReused: the key came with other inputs before.
    """
    make = partial(
        _made,
        *(workflow, inputs, labels, trigger, by),
        priority=checked_priority(priority),
        dry_run=dry_run,
        is_awaited=is_awaited,
        **(parent.columns if parent is not None else {}),
    )
    if idempotency_key is None and parent is None and by is None:
        execution = _made_at_once(workflow, make)
        if execution is not None:
            return accept(execution)
    sent = (inputs or {}) if fingerprinted is None else fingerprinted
    with tenancy.tenant(workflow.organization_id):
        about = {"origin": trigger, "dry_run": dry_run}
        key = _key(workflow, idempotency_key, sent, **about)
        return _started(make, key, parent, by)


def _key(
    workflow: Workflow, given: str | None, sent: Mapping[str, Json], **about: Any
) -> Key | None:
    return None if given is None else Key.of(workflow.id, given, sent, **about)


def _started(
    make: Callable[[], Execution],
    key: Key | None,
    parent: Parent | None,
    by: Viewer | None,
) -> Execution:
    """Make and accept it in the open transaction, or find what the key started."""
    known = key.started() if key is not None else None
    if known is not None:
        return known
    execution = make()
    if _on_limit(execution) == "cancel_running":
        # Before any row, so that no two wait for each other.
        limits.hold_room(execution.limit_key)
    # As old as its parent: what was begun is finished first.
    order_at = None if parent is None else _hold_parent(parent.id)
    winner = key.keep(execution) if key is not None else None
    if winner is not None:
        return winner
    accept(execution, order_at=order_at)
    facts = {"trigger": execution.trigger, "dry_run": execution.dry_run}
    audit_of(execution, "start", by, **facts)
    return execution


def _made_at_once(
    workflow: Workflow, make: Callable[[], Execution]
) -> Execution | None:
    """The execution, when all that is needed to make it stands in memory."""
    if workflows.definition_in_memory(workflow.current_version_id) is None:
        return None
    execution = make()
    return None if execution.limit_key else execution


def _made(
    workflow: Workflow,
    inputs: Mapping[str, Json] | None,
    labels: Mapping[str, str] | None,
    trigger: str,
    by: Viewer | None,
    **columns: Any,
) -> Execution:
    execution = prepare(workflow, inputs, labels, trigger=trigger, by=by)
    for name, value in columns.items():
        setattr(execution, name, value)
    return execution


def checked_priority(priority: int) -> int:
    """The priority, 9 before 0.

    Raises:
        Invalid: it is none.
    """
    if not 0 <= priority <= 9:
        message = "must be a number from 0 to 9"
        raise Invalid(errors=[{"path": "priority", "message": message}])
    return priority


def _hold_parent(parent_id: uuid.UUID) -> datetime:
    """Keep cancels of the parent out until its new child can be seen by them.

    Returns: the parent's place in the order.
    """
    parents = Execution.objects.select_for_update(no_key=True, of=("self",))
    parent = parents.filter(id=parent_id, cancel_requested_at=None)
    order_at = parent.values_list("order_at", flat=True).first()
    if order_at is None:
        raise Conflict("The parent is being cancelled.", code="parent_cancelled")
    return order_at


def prepare(
    workflow: Workflow,
    inputs: Mapping[str, Json] | None,
    labels: Mapping[str, str] | None = None,
    *,
    trigger: str,
    by: Viewer | None,
    version_id: uuid.UUID | None = None,
) -> Execution:
    """A checked execution, not yet saved; of the current version unless told.

    Raises:
        Invalid: the inputs do not fit the version, or the labels cannot be used.
        Conflict: the workflow is archived.
    """
    if workflow.is_archived:
        raise Conflict("The workflow is archived.", code="workflow_archived")
    version_id = version_id or workflow.current_version_id
    definition = workflows.definition_of(version_id)
    checked = check_inputs(definition, dict(inputs or {}))
    concurrency = definition.settings.concurrency
    return Execution(
        id=uuid7(),
        organization_id=workflow.organization_id,
        workflow_id=workflow.id,
        version_id=version_id,
        trigger=trigger,
        triggered_by=by.user_id if by else None,
        inputs=checked,
        labels=_labels(definition, labels),
        pool=definition.settings.pool,
        limit_key=limits.limit_key(definition, workflow.id, checked),
        limit_size=concurrency.limit if concurrency else None,
    )


def _labels(definition: Definition, given: Mapping[str, str] | None) -> dict[str, str]:
    """Those of the version, and on top those given."""
    if not given:
        return dict(definition.labels)
    # Each by itself first, so that a mistake is found where it stands.
    return check_labels({**definition.labels, **check_labels(dict(given))})


def accept(execution: Execution, *, order_at: datetime | None = None) -> Execution:
    """Save a prepared execution; its workers are told after the commit.

    Where its workflow's limit is reached it is held, or is skipped, or others are
    cancelled for it, as the workflow's `on_limit` says.

    Args:
        order_at: its place in the order; by its age and priority unless told.
    """
    _apply_limit(execution)
    worth = settings.PRIORITY_AGEING * execution.priority
    acceptance.save(execution, order_at=order_at, worth=worth)
    if not execution.is_final and not execution.is_held:
        bell = partial(dispatcher.ring, execution.id, execution.pool)
        transaction.on_commit(bell, robust=True)
    return execution


def _apply_limit(execution: Execution) -> None:
    if not execution.limit_key:
        return
    on_limit = _on_limit(execution)
    if limits.uses_place_of_an_ancestor(execution):
        execution.limit_key, execution.limit_size = "", None
        return
    if on_limit == "cancel_running":
        cancels.make_room(execution)
    limits.place(execution, skip=on_limit == "skip")


def _on_limit(execution: Execution) -> str:
    """What its workflow wants when its limit is reached; empty without a limit."""
    if not execution.limit_key:
        return ""
    concurrency = workflows.definition_of(execution.version_id).settings.concurrency
    return concurrency.on_limit if concurrency else "queue"
