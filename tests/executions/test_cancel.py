"""Cancelling executions, with all that they started."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import AuditEntry
from apps.executions.engine import claims, leases
from apps.executions.models import Execution, StepRecord
from apps.executions.services import Parent
from tests.executions.documents import broken, doc
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db


def cancel(person: Person, execution: Execution) -> Any:
    return person.client.post(f"/api/executions/{execution.id}/cancel")


def test_cancels_what_is_queued_and_again(engine: Engine, alice: Person) -> None:
    execution = engine.start(doc())
    for _ in range(2):
        answer = cancel(alice, execution)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert answer.json()["finished_at"]
    with engine.scope():
        assert AuditEntry.objects.filter(action="execution.cancel").count() == 1


def test_asks_a_running_execution_to_stop(engine: Engine, alice: Person) -> None:
    execution = engine.start(doc())
    lease = claims.claim(execution.id, "worker")
    assert lease is not None
    for _ in range(2):
        found = cancel(alice, execution).json()
        assert found["status"] == "running"
        assert found["cancel_requested_at"]
    assert leases.renew([(execution.id, lease.token)]) == {execution.id: True}


def test_cancels_what_waits_with_all_that_it_started(
    engine: Engine, alice: Person
) -> None:
    parent = engine.start(doc())
    child = engine.start(doc(), parent=Parent(parent.id, 1, waits=True))
    grandchild = engine.start(doc(), parent=Parent(child.id, 2, waits=True))
    other = engine.start(doc())
    with engine.scope():
        Execution.objects.filter(id__in=[parent.id, child.id]).update(status="waiting")
    assert cancel(alice, parent).json()["status"] == "cancelled"
    statuses = [engine.now(one).status for one in (child, grandchild, other)]
    assert statuses == ["cancelled", "cancelled", "queued"]


def test_closes_the_steps_of_what_waited(engine: Engine, alice: Person) -> None:
    execution = engine.start(doc())
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="waiting")
        StepRecord.objects.create(
            pk=(execution.id, "d", 1),
            organization_id=execution.organization_id,
            position=0,
            step_id="d",
            type="delay",
            status="waiting",
            started_at=execution.queued_at,
        )
    cancel(alice, execution)
    assert engine.paths(execution) == ["d cancelled"]


def test_what_has_ended_is_not_cancelled(engine: Engine, alice: Person) -> None:
    for document in (doc(), doc(broken("b"))):
        answer = cancel(alice, engine.run(document))
        assert (answer.status_code, answer.json()["code"]) == (409, "execution_ended")


def test_no_child_starts_below_a_cancelled_parent(
    engine: Engine, alice: Person
) -> None:
    from apps.core.errors import Conflict

    parent = engine.start(doc())
    claims.claim(parent.id, "worker")
    cancel(alice, parent)
    with pytest.raises(Conflict, match="cancelled"):
        engine.start(doc(), parent=Parent(parent.id, 1, waits=True))


def test_cancels_all_open_executions_of_a_workflow(
    engine: Engine, alice: Person
) -> None:
    workflow = engine.workflow(doc())
    done = engine.run(workflow)
    open_ = [engine.start(workflow) for _ in range(3)]
    claims.claim(open_[0].id, "worker")
    other = engine.start(doc())
    url = f"/api/workflows/{workflow.id}/cancel"
    answer = alice.client.post(url)
    assert (answer.status_code, answer.json()) == (202, {"cancelled": 3})
    assert alice.client.post(url).json() == {"cancelled": 0}
    statuses = [engine.now(one).status for one in [*open_, done, other]]
    assert statuses == ["running", "cancelled", "cancelled", "completed", "queued"]


def test_cancels_hundreds_with_few_questions(engine: Engine, alice: Person) -> None:
    workflow = engine.workflow(doc())
    parent = engine.start(workflow)
    for _ in range(20):
        engine.start(workflow, parent=Parent(parent.id, 1, waits=True))
    with CaptureQueriesContext(connection) as asked:
        alice.client.post(f"/api/workflows/{workflow.id}/cancel")
    assert len(asked) < 30
