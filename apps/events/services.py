"""Telling the other rooms that something happened."""

import uuid
from collections.abc import Iterable

from django.db import connection, transaction

from apps.core.ids import uuid7
from apps.core.types import JsonObject
from apps.events.models import Event


def emit(
    type_: str,
    *,
    organization_id: uuid.UUID,
    workflow_id: uuid.UUID | None = None,
    execution_id: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
    payload: JsonObject | None = None,
) -> Event:
    """Write one event into the running transaction.

    It is published after the commit, by whichever process publishes.

    Raises:
        transaction.TransactionManagementError: no transaction is open; an event
            without the change it tells of would be a rumor.
    """
    _check_transaction()
    return Event.objects.create(
        id=uuid7(),
        type=type_,
        organization_id=organization_id,
        workflow_id=workflow_id,
        execution_id=execution_id,
        user_id=user_id,
        payload=payload or {},
    )


def _check_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("emit() needs a transaction")


def emit_each(type_: str, events: Iterable[Event]) -> None:
    """Write one event of a type for each of many subjects, in one statement.

    Args:
        events: unsaved, each with its organization and what it is about.

    Raises:
        transaction.TransactionManagementError: as for `emit`.
    """
    _check_transaction()
    rows = list(events)
    for event in rows:
        event.type = type_
    Event.objects.bulk_create(rows, batch_size=1_000)
