"""One key, one execution: however often and however fast a request is sent."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from apps.core.errors import Conflict, Invalid
from apps.core.ids import uuid7
from apps.core.text import has_controls
from apps.core.types import Json
from apps.executions.models import Execution, IdempotencyKey

LONGEST_KEY = 200


class KeyReused(Conflict):
    """The idempotency key was used with another request before."""

    code = "idempotency_key_reused"
    http_status = 422


def check_key(text: str, at: str = "idempotency_key") -> str:
    """A key that may be kept.

    Args:
        at: where the request has it.

    Raises:
        Invalid: it is empty, too long, or has invisible characters.
    """
    if not 0 < len(text) <= LONGEST_KEY or has_controls(text, one_line=True):
        message = f"must have 1 to {LONGEST_KEY} characters, none of them invisible"
        raise Invalid(errors=[{"path": at, "message": message}])
    return text


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key for one request; its own for each workflow.

    Attributes:
        text: as it is kept: what started the execution, then the caller's text.
        fingerprint: of what a repeated request has in common with the first one.
    """

    workflow_id: uuid.UUID
    text: str
    fingerprint: str

    @classmethod
    def of(
        cls,
        workflow_id: uuid.UUID,
        text: str,
        sent: Mapping[str, Json],
        *,
        origin: str,
        dry_run: bool,
    ) -> "Key":
        """The key of a request that sent this.

        Args:
            origin: what starts the execution; nobody meets another one's keys.

        Raises:
            Invalid: the text may not be a key.
        """
        request = json.dumps([dict(sent), dry_run], sort_keys=True)
        fingerprint = hashlib.sha256(request.encode()).hexdigest()
        return cls(workflow_id, f"{origin} {check_key(text)}", fingerprint)

    def started(self) -> Execution | None:
        """What was started under the key already.

        Raises:
            KeyReused: by another request.
        """
        rows = IdempotencyKey.objects.filter(workflow_id=self.workflow_id)
        row = rows.filter(key=self.text).first()
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            raise KeyReused("This idempotency key came with another request before.")
        # Keys go with their execution, which may have been pruned since.
        return Execution.objects.filter(id=row.execution_id).first()

    def keep(self, execution: Execution) -> Execution | None:
        """Keep it for the execution; if somebody was faster, the one they started."""
        with connection.cursor() as cursor:
            # Waits for a concurrent transaction with the same key, then finds its row.
            cursor.execute(
                "INSERT INTO executions_idempotencykey"
                " (id, organization_id, workflow_id, key, fingerprint, execution_id)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    uuid7(),
                    execution.organization_id,
                    self.workflow_id,
                    self.text,
                    self.fingerprint,
                    execution.id,
                ],
            )
            is_first = cursor.rowcount == 1
        return None if is_first else self.started()
