"""One key, one execution: however often and however fast it is sent."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.events.models import Event
from apps.executions.models import Execution, IdempotencyKey
from apps.executions.services import execution_start
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_archive
from tests.executions.documents import doc
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow(engine: Engine) -> Workflow:
    return engine.workflow(doc())


def execute(
    client: JsonClient, workflow: Workflow, body: Any = None, **headers: Any
) -> Any:
    return client.post(f"/api/workflows/{workflow.id}/execute", body or {}, **headers)


def count() -> int:
    with tenancy.system():
        return Execution.objects.count()


def test_the_same_key_gives_the_same_execution(
    engine: Engine, alice: Person, workflow: Workflow
) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "order-17"}
    body = {"inputs": {"a": 1, "b": [2]}}
    first = execute(alice.client, workflow, body, **key)
    # The order of names says nothing.
    again = execute(alice.client, workflow, {"inputs": {"b": [2], "a": 1}}, **key)
    in_body = {**body, "idempotency_key": "order-17"}
    third = execute(alice.client, workflow, in_body)
    assert {one.status_code for one in (first, again, third)} == {202}
    assert len({one.json()["id"] for one in (first, again, third)}) == 1
    assert again["Location"] == first["Location"]
    assert count() == 1
    with engine.scope():
        assert AuditEntry.objects.filter(action="execution.start").count() == 1
        assert Event.objects.filter(type="execution-queued").count() == 1


def test_the_same_key_while_it_runs_and_after_its_end(
    engine: Engine, alice: Person, workflow: Workflow
) -> None:
    done = engine.run(workflow, idempotency_key="k")
    answer = execute(alice.client, workflow, HTTP_IDEMPOTENCY_KEY="k")
    assert answer.json()["id"] == str(done.id)
    assert answer.json()["status"] == "completed"
    with engine.scope():
        workflow_archive(workflow=workflow, by=engine.viewer)
    answer = execute(alice.client, workflow, HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer.json()["id"]) == (202, str(done.id))


@pytest.mark.parametrize("other", [{"inputs": {"a": 2}}, {"dry_run": True}])
def test_the_same_key_with_another_request_is_refused(
    engine: Engine, alice: Person, workflow: Workflow, other: dict[str, Any]
) -> None:
    execute(alice.client, workflow, {"inputs": {"a": 1}}, HTTP_IDEMPOTENCY_KEY="k")
    answer = execute(alice.client, workflow, other, HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer.json()["code"]) == (
        422,
        "idempotency_key_reused",
    )
    assert count() == 1


def test_a_key_belongs_to_one_workflow_of_one_organization(
    engine: Engine, alice: Person, carol: Person, workflow: Workflow
) -> None:
    hers = Engine(carol.viewer).workflow(doc())
    other = engine.workflow(doc())
    answers = [
        execute(person.client, where, HTTP_IDEMPOTENCY_KEY="k")
        for person, where in ((alice, workflow), (alice, other), (carol, hers))
    ]
    assert len({one.json()["id"] for one in answers}) == 3


def test_a_colleague_with_the_same_key_gets_the_same_execution(
    alice: Person, member: Any, workflow: Workflow
) -> None:
    answers = [
        execute(person.client, workflow, HTTP_IDEMPOTENCY_KEY="k")
        for person in (alice, member("operator"))
    ]
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["id"] for one in answers}) == 1
    assert count() == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "x" * 300, "a\u200bb", "\x01"])
def test_refuses_keys_that_cannot_be_kept(
    alice: Person, workflow: Workflow, key: str
) -> None:
    answers = [execute(alice.client, workflow, {"idempotency_key": key})]
    if key.isascii():  # all that a header may hold
        answers.append(execute(alice.client, workflow, HTTP_IDEMPOTENCY_KEY=key))
    for answer in answers:
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["path"] == "idempotency_key"
    assert count() == 0


def test_takes_the_longest_key(alice: Person, workflow: Workflow) -> None:
    for _ in range(2):
        answer = execute(alice.client, workflow, HTTP_IDEMPOTENCY_KEY="x" * 200)
        assert answer.status_code == 202
    assert count() == 1


def test_eight_at_once_start_one_execution(
    engine: Engine, alice: Person, workflow: Workflow
) -> None:
    start = Barrier(8)

    def send(_: int) -> str:
        client = JsonClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {alice.access}")
        try:
            start.wait(timeout=10)
            answer = execute(client, workflow, HTTP_IDEMPOTENCY_KEY="k")
            assert answer.status_code == 202, answer.content
            return str(answer.json()["id"])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(send, range(8)))
    assert (len(ids), count()) == (1, 1)
    with engine.scope():
        assert IdempotencyKey.objects.count() == 1


def test_a_refused_start_does_not_use_up_its_key(alice: Person, engine: Engine) -> None:
    needs = {"inputs": {"a": {"type": "string", "required": True}}, **doc()}
    workflow = engine.workflow(needs)
    bad = execute(alice.client, workflow, HTTP_IDEMPOTENCY_KEY="k")
    assert bad.status_code == 400
    good = execute(
        alice.client, workflow, {"inputs": {"a": "x"}}, HTTP_IDEMPOTENCY_KEY="k"
    )
    assert good.status_code == 202


def test_a_rolled_back_start_leaves_nothing(engine: Engine, workflow: Workflow) -> None:
    with engine.scope():
        execution_start(workflow=workflow, trigger="api", idempotency_key="k")
        transaction.set_rollback(True)
    again = engine.start(workflow, idempotency_key="k")
    assert (count(), engine.now(again).status) == (1, "queued")


def test_children_of_long_paths_get_keys_too(engine: Engine) -> None:
    child = engine.workflow(doc())
    name = "x" * 60
    call = {"type": "call_workflow", "params": {"workflow": str(child.id)}}
    inner = {"id": f"{name}_c", **call}
    for level in range(4):
        inner = {"id": f"{name}_{level}", "type": "loop", "times": 1, "steps": [inner]}
    done = engine.run(doc(inner))
    assert (done.status, json.dumps(done.error)) == ("completed", "null")


def test_nobody_can_take_the_key_of_a_child(alice: Person, engine: Engine) -> None:
    child = engine.workflow(doc())
    call = {"type": "call_workflow", "params": {"workflow": str(child.id)}}
    parent = engine.start(doc({"id": "c", **call}))
    ours = hashlib.sha256(f"{parent.id}:c".encode()).hexdigest()
    for key in (ours, f"child:{ours}", f"workflow {ours}"):
        started = execute(alice.client, child, HTTP_IDEMPOTENCY_KEY=key)
        assert started.status_code == 202
    assert engine.run_started(str(parent.id)).status == "completed"
