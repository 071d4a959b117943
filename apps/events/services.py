"""Telling the other rooms that something happened."""

import uuid

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
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("emit() needs a transaction")
    return Event.objects.create(
        id=uuid7(),
        type=type_,
        organization_id=organization_id,
        workflow_id=workflow_id,
        execution_id=execution_id,
        user_id=user_id,
        payload=payload or {},
    )
