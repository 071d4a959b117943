"""The browser's session that a workflow keeps, as one execution loads and saves it."""

import logging
from functools import partial

from apps.core import tenancy
from apps.core.types import JsonObject
from apps.executions.engine import interrupts
from apps.executions.engine.leases import Lease
from apps.executions.engine.persistence import persistently
from apps.executions.models import Execution
from apps.steps.browser import keeping
from apps.workflows.services import kept_session_load, kept_session_save

log = logging.getLogger(__name__)

# Losing it costs a sign-in; holding up an execution's end may cost more.
_PATIENCE_S = 30.0


class KeptSession:
    """The session of one name; a dry run loads it and never saves.

    Args:
        name: as the workflow's settings have it.
    """

    def __init__(self, lease: Lease, name: str) -> None:
        self._lease, self._name = lease, name

    def load(self) -> JsonObject:
        """`{cookies, storage}`, empty for the first time."""
        # Inside a step, but never broken off in the middle of a query.
        with interrupts.shielded():
            return persistently(self._load)

    def save(self, state: JsonObject) -> None:
        """Keep what an execution leaves; an execution that lost its lease does not.

        Raises:
            DatabaseError: it did not come back in time.
        """
        if not self._lease.dry_run:
            persistently(partial(self._save, state), patience_s=_PATIENCE_S)

    def _load(self) -> JsonObject:
        with tenancy.tenant(self._lease.organization_id):
            return kept_session_load(
                workflow_id=self._lease.workflow_id, name=self._name
            )

    def _save(self, state: JsonObject) -> None:
        lease = self._lease
        with tenancy.tenant(lease.organization_id):
            ours = Execution.objects.filter(
                id=lease.execution_id, lease_token=lease.token
            )
            if not ours.exists():
                log.warning("session left to another worker")
                return
            kept_session_save(
                organization_id=lease.organization_id,
                workflow_id=lease.workflow_id,
                name=self._name,
                execution_id=lease.execution_id,
                change=lambda before: keeping.merged(before, state),
            )
