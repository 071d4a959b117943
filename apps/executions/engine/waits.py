"""What a step waits for outside: a decision of people, or a call of another system."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from django.db.models.functions import Now

from apps.core import tenancy
from apps.core.types import JsonObject
from apps.executions.approvers import recipients_of, starter_of
from apps.executions.engine import interrupts
from apps.executions.engine.leases import Lease, LeaseLost
from apps.executions.engine.persistence import persistently
from apps.executions.engine.vault import Vault
from apps.executions.links import approval_url
from apps.executions.models import Execution, Wait
from apps.steps.context import Waiting

_FOR_PEOPLE = frozenset({"title", "message"})


class WaitOpener:
    """Opens the waits of one execution; see `steps.context.Waits`.

    All that opens, answers or ends a wait holds the execution's row meanwhile, so
    that an answer can come at any moment and is never overlooked.
    """

    def __init__(self, lease: Lease, vault: Vault) -> None:
        self._lease = lease
        self._vault = vault

    def approval(
        self,
        request: JsonObject,
        *,
        path: str,
        attempt: int,
        timeout: timedelta | None,
    ) -> Waiting:
        """Ask people for a decision, or look at what they said."""
        wait = self._new(Wait.APPROVAL, request, path, attempt)
        found = self._persist(partial(self._open_approval, wait, timeout))
        return _waiting(found, untold=_untold(found))

    def call(
        self,
        request: JsonObject,
        *,
        path: str,
        attempt: int,
        timeout: timedelta | None,
    ) -> Waiting:
        """Wait for a call of the resume URL, or look at what came."""
        wait = self._new(Wait.WEBHOOK, request, path, attempt)
        return _waiting(self._persist(partial(self._open_call, wait, timeout)))

    def told(self, waiting: Waiting) -> None:
        """Note that all who can be told by mail were told."""
        self._persist(partial(self._note_told, uuid.UUID(waiting.id)))

    def _new(self, kind: str, request: JsonObject, path: str, attempt: int) -> Wait:
        return Wait(
            organization_id=self._lease.organization_id,
            execution_id=self._lease.execution_id,
            kind=kind,
            # Addresses stay as they are: an answer is checked against them.
            details={
                name: self._vault.close(value) if name in _FOR_PEOPLE else value
                for name, value in request.items()
            },
            path=path,
            attempt=attempt,
        )

    def _persist(self, work: "partial[Wait]") -> Wait:
        def guarded() -> Wait:
            with tenancy.tenant(self._lease.organization_id):
                return work()

        with interrupts.shielded():
            return persistently(guarded)

    def _open_approval(self, wait: Wait, timeout: timedelta | None) -> Wait:
        execution = self._held()
        known = _known(wait)
        if known is not None:
            return known
        details: JsonObject = wait.details
        starter = None if details["allow_own"] else starter_of(execution)
        details["starter"] = str(starter) if starter else None
        details["recipients"] = recipients_of(details["approvers"], but=starter)
        return _opened(wait, timeout)

    def _open_call(self, wait: Wait, timeout: timedelta | None) -> Wait:
        self._held()
        known = _known(wait)
        if known is not None:
            return known
        early = _early(wait)
        if early is not None:
            wait.answer, wait.answered_at = early.answer, early.answered_at
            Wait.objects.filter(id=early.id).update(closed_at=Now())
        return _opened(wait, timeout)

    def _note_told(self, wait_id: uuid.UUID) -> Wait:
        wait = Wait.objects.select_for_update().get(id=wait_id)
        wait.details["told"] = True
        wait.save(update_fields=["details"])
        return wait

    def _held(self) -> Execution:
        """The execution, locked and still ours.

        Raises:
            LeaseLost: it is another worker's now.
        """
        rows = Execution.objects.select_for_update(no_key=True).defer(
            "inputs", "variables", "outputs"
        )
        lease = self._lease
        found = rows.filter(id=lease.execution_id, lease_token=lease.token).first()
        if found is None:
            raise LeaseLost("the execution is another worker's now")
        return found


def _known(wait: Wait) -> Wait | None:
    """What was opened before, closed when its time has passed."""
    rows = Wait.objects.filter(
        execution_id=wait.execution_id, path=wait.path, attempt=wait.attempt
    )
    overdue = rows.filter(answered_at=None, closed_at=None, expires_at__lte=Now())
    overdue.update(closed_at=Now(), answer={"decision": "timeout"})
    return rows.first()


def _early(wait: Wait) -> Wait | None:
    """The call that came before the step was there; best one that names the step."""
    rows = Wait.objects.filter(
        execution_id=wait.execution_id, attempt=Wait.EARLY, closed_at=None
    )
    return rows.filter(path__in=("", wait.path)).order_by("-path").first()


def _opened(wait: Wait, timeout: timedelta | None) -> Wait:
    if timeout is not None:
        wait.expires_at = Now() + timeout  # by its clock
    wait.save(force_insert=True)
    wait.refresh_from_db()
    return wait


def _untold(wait: Wait) -> Mapping[str, str]:
    if wait.details.get("told"):
        return {}
    return {
        email: approval_url(wait.organization_id, wait.id, number)
        for number, email in enumerate(wait.details["recipients"])
    }


def _waiting(wait: Wait, *, untold: Mapping[str, str] | None = None) -> Waiting:
    is_answered = wait.answered_at is not None
    return Waiting(
        id=str(wait.id),
        expires_at=wait.expires_at,
        is_over=wait.closed_at is not None and not is_answered,
        answer=wait.answer if is_answered else None,
        answered_at=wait.answered_at,
        untold=untold or {},
    )
