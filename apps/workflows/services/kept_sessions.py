"""Kept sessions of browsers: written by executions, deleted by people and by age."""

import json
import logging
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.accounts.services import audit
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.crypto import UnreadableSecret, decrypt, encrypt
from apps.core.types import JsonObject
from apps.workflows.models import KeptSession

log = logging.getLogger(__name__)

EDITOR = "editor"
_UNUSED = (
    "FROM workflows_keptsession"
    " WHERE used_at < clock_timestamp() - make_interval(secs => %s)"
)
_COUNT, _DELETE = f"SELECT count(*) {_UNUSED}", f"DELETE {_UNUSED}"


@transaction.atomic
def kept_session_load(*, workflow_id: uuid.UUID, name: str) -> JsonObject:
    """What was kept, `{cookies, storage}`; empty when there is nothing."""
    found = KeptSession.objects.filter(workflow_id=workflow_id, name=name)
    session = found.first()
    if session is None:
        return {}
    found.update(used_at=Now())
    return _opened(session)


@transaction.atomic
def kept_session_save(
    *,
    organization_id: uuid.UUID,
    workflow_id: uuid.UUID,
    name: str,
    execution_id: uuid.UUID,
    change: Callable[[JsonObject], JsonObject],
) -> None:
    """Keep what `change` makes of what is kept; of two at once one waits.

    Args:
        change: given `{cookies, storage}`, or nothing, gives the same.
    """
    new = KeptSession(
        organization_id=organization_id, workflow_id=workflow_id, name=name
    )
    KeptSession.objects.bulk_create([new], ignore_conflicts=True)
    found = KeptSession.objects.select_for_update()
    session = found.get(workflow_id=workflow_id, name=name)
    kept = change(_opened(session))
    text = json.dumps(kept)
    KeptSession.objects.filter(id=session.id).update(
        encrypted=encrypt(text, owner=session.owner),
        cookies=len(kept.get("cookies", ())),
        sites=len(kept.get("storage", ())),
        size_bytes=len(text),
        execution_id=execution_id,
        saved_at=Now(),
        used_at=Now(),
    )


@transaction.atomic
def kept_session_delete(*, session: KeptSession, by: Viewer) -> None:
    """Forget what was kept; the workflow's next execution begins without."""
    by.require(EDITOR)
    audit(
        viewer=by,
        action="browser_session.delete",
        target_type="workflow",
        target_id=session.workflow_id,
        before={"name": session.name},
    )
    session.delete()


def kept_sessions_prune(*, unused_for: timedelta, dry_run: bool = False) -> int:
    """Delete those that no execution has used for so long; gives how many."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_COUNT if dry_run else _DELETE, [unused_for.total_seconds()])
        return int(cursor.fetchone()[0]) if dry_run else cursor.rowcount


def _opened(session: KeptSession) -> JsonObject:
    if not session.encrypted:
        return {}
    try:
        found: JsonObject = json.loads(decrypt(session.encrypted, owner=session.owner))
    except UnreadableSecret:
        # Its key is gone: an execution signs in anew, as at the first time.
        log.warning("kept session not readable", extra={"session_id": str(session.id)})
        return {}
    return found
