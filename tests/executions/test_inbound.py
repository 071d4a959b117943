"""Calls of workflows' own URLs."""

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import tenancy
from apps.executions.hooks import hook_get, hook_switch
from apps.executions.inbound.accepting import accept
from apps.executions.inbound.calls import Call
from apps.executions.models import Execution
from apps.workflows.services import workflow_archive
from tests.executions.calling import Caller
from tests.executions.documents import NAMED, doc, put
from tests.fixtures_engine import Engine


def count() -> int:
    with tenancy.system():
        return Execution.objects.count()


def test_a_call_starts_the_workflow(caller: Caller) -> None:
    answer = caller.post(caller.hook(NAMED), json={"customer": "Ann", "more": 1})
    assert answer.status_code == 202
    found = caller.execution(answer)
    assert answer.headers["Location"] == f"/api/executions/{found.id}"
    assert answer.json() == {"id": str(found.id)}
    assert found.inputs == {"customer": "Ann", "count": 2}
    assert (found.trigger, found.status) == ("webhook", "queued")


def test_one_that_waits_gets_the_outputs(caller: Caller) -> None:
    call = caller.send(caller.hook(NAMED) + "?wait=true", json={"customer": "Ann"})
    execution = caller.engine.run_started(str(caller.accepted().id))
    answer = call.result(30)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(execution.id),
        "status": "completed",
        "outputs": {"a": "Ann"},
        "error": None,
    }


def test_one_that_waits_hears_of_a_failure(caller: Caller) -> None:
    step = {"id": "s", "type": "stop", "params": {"status": "failed", "message": "no"}}
    call = caller.send(caller.hook(doc(step)) + "?wait")
    caller.engine.run_started(str(caller.accepted().id))
    answer = call.result(30)
    assert answer.status_code == 200
    assert answer.json()["status"] == "failed"
    assert answer.json()["error"]["message"] == "no"


def test_one_that_waits_too_short_is_told_where_to_look(caller: Caller) -> None:
    answer = caller.post(caller.hook(doc()) + "?wait=true&timeout=1")
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/executions/{answer.json()['id']}"


def test_secrets_are_not_in_the_answer(caller: Caller, engine: Engine) -> None:
    from apps.workflows.services import secret_create

    with engine.scope():
        secret_create(by=engine.viewer, name="pin", value="very-secret-9")
    call = caller.send(caller.hook(doc(put("a", "<{{ secrets.pin }}>"))) + "?wait=1")
    engine.run_started(str(caller.accepted().id))
    assert call.result(30).json()["outputs"] == {"a": "<***>"}


# --- the same call again ----------------------------------------------------------


def test_the_same_key_gives_the_same_execution(caller: Caller) -> None:
    path, body = caller.hook(doc()), {"a": 1}
    answers = [
        caller.post(path, json=body, headers={"Idempotency-Key": "k", "X-Try": trial})
        for trial in "12"
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert count() == 1


def test_the_same_key_gives_the_result_also_later(caller: Caller) -> None:
    path, headers = caller.hook(doc()), {"Idempotency-Key": "k"}
    first = caller.post(path, headers=headers)
    caller.engine.run_started(first.json()["id"])
    answer = caller.post(path + "?wait=true", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["outputs"] == {"a": 1}


def test_a_second_caller_waits_for_what_the_first_started(caller: Caller) -> None:
    path, headers = caller.hook(doc()), {"Idempotency-Key": "k"}
    first = caller.post(path, headers=headers)
    call = caller.send(path + "?wait=true", headers=headers)
    execution = caller.execution(first)
    caller.engine.run_started(str(execution.id))
    assert call.result(30).json()["id"] == str(execution.id)


def test_the_same_key_with_another_body_is_refused(caller: Caller) -> None:
    path, headers = caller.hook(doc()), {"Idempotency-Key": "k"}
    caller.post(path, json={"a": 1}, headers=headers)
    answer = caller.post(path, json={"a": 2}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x80b"])
def test_an_unusable_key_is_refused(caller: Caller, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    answer = caller.post(caller.hook(doc()), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "Idempotency-Key"


# --- refusals ---------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "a/b", "%00" * 43, "ü" * 43])
def test_an_unknown_token_is_not_found(caller: Caller, token: str) -> None:
    answer = caller.post(f"/hooks/{token}", json={})
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_hook_that_is_switched_off_is_not_found(caller: Caller) -> None:
    workflow = caller.engine.workflow(doc())
    path = caller.hook(workflow)
    with caller.engine.scope():
        hook_switch(hook=hook_get(workflow), by=caller.engine.viewer, is_enabled=False)
    assert caller.post(path).status_code == 404


def test_a_token_that_was_replaced_is_not_found(caller: Caller) -> None:
    workflow = caller.engine.workflow(doc())
    old, new = caller.hook(workflow), caller.hook(workflow)
    assert caller.post(old).status_code == 404
    assert caller.post(new).status_code == 202


def test_an_archived_workflow_starts_no_more(caller: Caller) -> None:
    workflow = caller.engine.workflow(doc())
    path = caller.hook(workflow)
    with caller.engine.scope():
        workflow_archive(workflow=workflow, by=caller.engine.viewer)
    answer = caller.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "workflow_archived")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_refused(caller: Caller, method: str) -> None:
    answer = caller.post(caller.hook(doc()), method=method)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_missing_and_wrong_inputs_are_named(caller: Caller) -> None:
    answer = caller.post(caller.hook(NAMED), json={"count": "many"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    paths = {error["path"] for error in answer.json()["errors"]}
    assert paths == {"inputs.customer", "inputs.count"}
    assert count() == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a": "\\u0000"}', "invalid_text"),
        (b'{"a": %s}' % (b"9" * 5_000), None),
        (b"\xff", "not_utf8"),
        (b'{"a": 1, "a": 2}', None),
        (b'{"a": 1e999}', None),
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(
    caller: Caller, body: bytes, code: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = caller.post(caller.hook(doc()), content=body, headers=headers)
    assert answer.status_code == 400
    assert code in (None, answer.json()["code"])


def test_a_body_that_is_too_large_is_refused(caller: Caller, settings: Any) -> None:
    settings.HOOK_BODY_MAX_BYTES = 100
    path = caller.hook(doc())
    assert caller.post(path, content=b"x" * 101).status_code == 413
    assert caller.post(path, content=b"x" * 100).status_code == 202


@pytest.mark.parametrize(
    "query", ["wait=perhaps", "wait&timeout=0", "wait&timeout=301", "wait&timeout=1.5"]
)
def test_unusable_waits_are_refused(caller: Caller, query: str) -> None:
    answer = caller.post(f"{caller.hook(doc())}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] in ("wait", "timeout")
    assert count() == 0


# --- cost -------------------------------------------------------------------------


def test_a_call_costs_few_statements(caller: Caller) -> None:
    token = caller.hook(doc()).removeprefix("/hooks/")
    call = Call("POST", {}, {}, {"a": 1})
    accept(token, call, key=None, is_awaited=True)
    with CaptureQueriesContext(connection) as queries:
        accept(token, call, key=None, is_awaited=True)
    found = [query["sql"] for query in queries.captured_queries]
    # Who it is; then begin, scope, execution, event, commit.
    assert len(found) <= 6, found


def test_the_token_itself_is_not_stored(caller: Caller) -> None:
    workflow = caller.engine.workflow(doc())
    token = caller.hook(workflow).removeprefix("/hooks/")
    with caller.engine.scope():
        hook = hook_get(workflow)
    assert hook.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert token not in hook.encrypted
