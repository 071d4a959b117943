"""The endpoints of executions: starting and showing one."""

import uuid
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.executions.models import Execution
from apps.workflows.services import workflow_archive
from tests.executions.documents import NAMED, UNKNOWN, broken, doc, put, refused
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db


def execute_url(person: Person, document: dict[str, Any]) -> str:
    """Where to start a new workflow of this document."""
    definition = {"name": f"w-{uuid.uuid4().hex[:8]}", **document}
    made = person.client.post("/api/workflows", {"definition": definition}).json()
    return f"/api/workflows/{made['id']}/execute"


# --- starting --------------------------------------------------------------------


def test_accepts_an_execution_and_says_where_it_is(alice: Person) -> None:
    answer = alice.client.post(
        execute_url(alice, NAMED), {"inputs": {"customer": "Ann"}, "priority": 9}
    )
    assert answer.status_code == 202
    found = answer.json()
    assert found["status"] == "queued"
    assert found["inputs"] == {"customer": "Ann", "count": 2}
    assert (found["priority"], found["trigger"], found["version"]) == (9, "api", 1)
    assert found["triggered_by"] == str(alice.user.id)
    assert answer["Location"] == f"/api/executions/{found['id']}"
    assert alice.client.get(answer["Location"]).json() == found


@pytest.mark.parametrize("body", [None, {}, {"inputs": {}}])
def test_the_body_may_be_left_out(alice: Person, body: Any) -> None:
    answer = alice.client.post(execute_url(alice, doc()), body)
    assert answer.status_code == 202
    assert answer.json()["inputs"] == {}


def test_every_start_stands_in_the_audit_trail(engine: Engine, alice: Person) -> None:
    made = alice.client.post(execute_url(alice, doc()), {"dry_run": True}).json()
    with engine.scope():
        entry = AuditEntry.objects.get(action="execution.start")
    assert (entry.user_id, entry.target_id) == (alice.user.id, made["id"])
    assert entry.after is not None
    assert entry.after["dry_run"] is True


def test_viewers_and_strangers_start_nothing(
    alice: Person, bob: Person, carol: Person, anonymous: JsonClient
) -> None:
    url = execute_url(alice, doc())
    assert bob.client.post(url, {}).status_code == 403
    assert carol.client.post(url, {}).status_code == 404
    assert anonymous.post(url, {}).status_code == 401
    with tenancy.system():
        assert not Execution.objects.exists()


def test_operators_and_keys_that_may_execute_start(
    alice: Person, member: Any, api_key: Any
) -> None:
    url = execute_url(alice, doc())
    assert member("operator").client.post(url, {}).status_code == 202
    assert api_key("execute").post(url, {}).status_code == 202
    assert api_key("read").post(url, {}).status_code == 403


@pytest.mark.parametrize(
    ("inputs", "paths", "words"),
    [
        ({}, ["inputs.customer"], "required"),
        ({"customer": 5}, ["inputs.customer"], "a text"),
        ({"customer": None}, ["inputs.customer"], "a text"),
        ({"customer": "a", "count": "2"}, ["inputs.count"], "a whole number"),
        ({"customer": "a", "count": True}, ["inputs.count"], "a whole number"),
        ({"customer": "a", "cuont": 2}, ["inputs.cuont"], "did you mean"),
        ({"custmer": "a"}, ["inputs.custmer", "inputs.customer"], "did you mean"),
        ([], ["inputs"], "dictionary"),
        (None, ["inputs"], "null"),
        ("a", ["inputs"], "dictionary"),
    ],
)
def test_refuses_inputs_that_do_not_fit(
    alice: Person, inputs: Any, paths: list[str], words: str
) -> None:
    answer = alice.client.post(execute_url(alice, NAMED), {"inputs": inputs})
    assert sorted(refused(answer)) == paths
    assert words.lower() in answer.content.decode().lower()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"priority": 11}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 10}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"priority": 5.0}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 2**63}, "priority"),
        ({"priority": None}, "priority"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"dry_run": 1}, "dry_run"),
        ({"input": {}}, "input"),
        ({"org_id": 1}, "org_id"),
        ({"lease_token": 1}, "lease_token"),
        ({"is_staff": True}, "is_staff"),
        ({"idempotency_key": 5}, "idempotency_key"),
        ({"idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_refuses_fields_that_do_not_fit(alice: Person, body: Any, path: str) -> None:
    assert refused(alice.client.post(execute_url(alice, doc()), body)) == [path]


def test_says_which_field_may_have_been_meant(alice: Person) -> None:
    answer = alice.client.post(execute_url(alice, doc()), {"input": {}})
    assert "Did you mean 'inputs'?" in answer.json()["errors"][0]["message"]


BAD_BODIES: list[tuple[str | bytes, str, int]] = [
    ('{"inputs":{"a":"x\\u0000y"}}', "application/json", 400),
    ('{"inputs":{"a":"\\ud800"}}', "application/json", 400),
    ('{"inputs":{"\\u0000":1}}', "application/json", 400),
    ("[" * 100_000, "application/json", 400),
    ('{"inputs":' + '{"a":' * 900 + "1" + "}" * 901, "application/json", 400),
    ('{"inputs":{"a":' + "9" * 5000 + "}}", "application/json", 400),
    ('{"inputs":{"a":1e400}}', "application/json", 400),
    ('{"inputs":{"a":1e200000}}', "application/json", 400),
    ('{"inputs":{"a":NaN}}', "application/json", 400),
    ('{"inputs":{"a":-Infinity}}', "application/json", 400),
    ('{"inputs":{},"inputs":{}}', "application/json", 400),
    ('{"inputs":{}}'.encode("utf-16"), "application/json", 400),
    (b'\xef\xbb\xbf{"inputs":{}}', "application/json", 400),
    (b'{"inputs":{"a":"\xff"}}', "application/json", 400),
    ("null", "application/json", 400),
    ("[]", "application/json", 400),
    ('"x"', "application/json", 400),
    ("{", "application/json", 400),
    ("{}", "text/plain", 415),
    ("a=b", "application/x-www-form-urlencoded", 415),
    ("x" * (10 * 1024 * 1024 + 1), "application/json", 413),
]


@pytest.mark.parametrize("verb", ["execute", "retry"])
@pytest.mark.parametrize(("body", "kind", "status"), BAD_BODIES)
def test_refuses_bodies_that_it_cannot_hold(
    alice: Person,
    verb: str,
    body: str | bytes,
    kind: str,
    status: int,
) -> None:
    url = execute_url(alice, doc())
    if verb == "retry":
        made = alice.client.post(url, {}).json()
        url = f"/api/executions/{made['id']}/retry"
    answer = alice.client.generic("POST", url, body, content_type=kind)
    assert answer.status_code == status, answer.content
    assert answer.json()["code"]


def test_refuses_compressed_bodies(alice: Person) -> None:
    answer = alice.client.post(
        execute_url(alice, doc()), {}, HTTP_CONTENT_ENCODING="gzip"
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("value", [2**100, "\u202e" + "\u0301" * 4000, [[[]]], 0.1])
def test_keeps_odd_inputs_as_they_are(alice: Person, value: Any) -> None:
    url = execute_url(alice, doc())
    made = alice.client.post(url, {"inputs": {"v": value}}).json()
    shown = alice.client.get(f"/api/executions/{made['id']}").json()
    assert shown["inputs"] == {"v": value}


def test_an_archived_workflow_is_not_started(engine: Engine, alice: Person) -> None:
    workflow = engine.workflow(doc())
    with engine.scope():
        workflow_archive(workflow=workflow, by=engine.viewer)
    answer = alice.client.post(f"/api/workflows/{workflow.id}/execute", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "workflow_archived")


def test_another_method_in_a_header_is_ignored(engine: Engine, alice: Person) -> None:
    workflow = engine.workflow(doc())
    for method in ("DELETE", "GET"):
        answer = alice.client.post(
            f"/api/workflows/{workflow.id}/execute",
            {},
            HTTP_X_HTTP_METHOD_OVERRIDE=method,
        )
        assert answer.status_code == 202
    assert alice.client.get(f"/api/workflows/{workflow.id}").status_code == 200


# --- showing ---------------------------------------------------------------------


def test_shows_all_that_the_contract_names(engine: Engine, alice: Person) -> None:
    loop = {"id": "rows", "type": "loop", "over": [1, 2, 3], "as": "row"}
    steps = [put("x", "{{ inputs.customer }}", save_as="y"), broken("b", **_GOES_ON)]
    steps += [{**loop, "steps": [put("twice", "{{ row * 2 }}")]}]
    done = engine.run(
        {**NAMED, "variables": {"base": "u"}, "steps": steps},
        inputs={"customer": "Ann"},
    )
    found = alice.client.get(f"/api/executions/{done.id}").json()
    assert found["variables"] == {"base": "u", "x": "Ann", "y": "Ann", "twice": 6}
    assert found["outputs"] == {"x": "Ann", "b": None, "twice": 6, "rows": [2, 4, 6]}
    assert found["inputs"] == {"customer": "Ann", "count": 2}
    assert found["workflow_id"] == str(done.workflow_id)
    assert (found["status"], found["reason"], found["error"]) == ("completed", "", None)
    assert isinstance(found["duration_ms"], int)
    assert found["started_at"].endswith("Z")
    assert found["finished_at"] >= found["started_at"] >= found["queued_at"]


_GOES_ON = {"on_error": "continue"}


def test_shows_why_it_failed(engine: Engine, alice: Person) -> None:
    done = engine.run(doc(put("a", 1), broken("b")))
    found = alice.client.get(f"/api/executions/{done.id}").json()
    assert found["status"] == "failed"
    error = found["error"]
    assert (error["code"], error["kind"]) == ("file_not_found", "step")
    assert error["path"] == "b"
    assert "missing.txt" in error["message"]


def test_shows_a_running_execution_as_it_stands(engine: Engine, alice: Person) -> None:
    document = doc(put("a", 1, save_as="kept"), variables={"base": "{{ 1 + 1 }}"})
    done = engine.run(document)
    with engine.scope():
        # As a worker has it, which writes the results only at the end.
        Execution.objects.filter(id=done.id).update(
            status="running", lease_until=done.finished_at, variables={}, outputs={}
        )
    found = alice.client.get(f"/api/executions/{done.id}").json()
    assert found["variables"] == {"base": 2, "a": 1, "kept": 1}
    assert found["outputs"] == {"a": 1}


def test_secrets_are_never_shown(engine: Engine, alice: Person) -> None:
    alice.client.post("/api/secrets", {"name": "token", "value": "s3cret-value"})
    done = engine.run(doc(put("a", "Bearer {{ secrets.token }}", save_as="b")))
    url = f"/api/executions/{done.id}"
    with engine.scope():
        Execution.objects.filter(id=done.id).update(
            status="running", lease_until=done.finished_at
        )
    running = alice.client.get(url).json()
    assert running["variables"] == {"a": "Bearer ***", "b": "Bearer ***"}
    for page in (alice.client.get(url), alice.client.get(f"{url}/steps")):
        assert b"s3cret-value" not in page.content
        assert "secret:token" not in page.content.decode()


def test_nobody_else_sees_an_execution(
    engine: Engine, bob: Person, carol: Person, anonymous: JsonClient
) -> None:
    execution = engine.start(doc())
    url = f"/api/executions/{execution.id}"
    workflow = f"/api/workflows/{execution.workflow_id}"
    reads = [url, f"{url}/steps", f"{url}/artifacts", f"{url}/artifacts/{UNKNOWN}"]
    for path in [*reads, f"{workflow}/status"]:
        assert carol.client.get(path).status_code == 404, path
        assert anonymous.get(path).status_code == 401, path
    assert bob.client.get(url).status_code == 200
    for path in (f"{url}/cancel", f"{url}/retry", f"{workflow}/cancel"):
        assert carol.client.post(path, {}).status_code == 404, path
        assert bob.client.post(path, {}).status_code == 403, path
        assert anonymous.post(path, {}).status_code == 401, path
    assert engine.now(execution).status == "queued"
    assert carol.client.get("/api/executions").json()["results"] == []


def test_a_header_does_not_open_another_organization(
    engine: Engine, carol: Person
) -> None:
    url = f"/api/executions/{engine.start(doc()).id}"
    assert carol.client.get(url, HTTP_X_ORGANIZATION="acme").status_code == 404
    organization = str(engine.viewer.organization_id)
    assert carol.client.get(url, HTTP_X_ORG_ID=organization).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        *("0", "-1", str(2**63), "1e3", "1.0", "true", "health", "%2e%2e"),
        *(f"{{{UNKNOWN}}}", UNKNOWN.hex, f"{UNKNOWN};.css", f"{UNKNOWN}/health"),
    ],
)
def test_what_is_no_id_is_not_found(alice: Person, wrong: str) -> None:
    for path in ("", "/steps", "/artifacts"):
        answer = alice.client.get(f"/api/executions/{wrong}{path}")
        assert answer.status_code == 404
    assert alice.client.post(f"/api/executions/{wrong}/cancel").status_code == 404


@pytest.mark.parametrize("suffix", ["/health", ";.css", "/%2e%2e/health", "/configs"])
def test_odd_paths_open_nothing_to_nobody(
    engine: Engine, anonymous: JsonClient, suffix: str
) -> None:
    url = f"/api/executions/{engine.start(doc()).id}{suffix}"
    assert anonymous.get(url).status_code in (401, 404)


def test_foreign_host_names_are_refused_or_not_believed(
    engine: Engine, alice: Person
) -> None:
    for _ in range(2):
        engine.start(doc())
    evil = alice.client.get("/api/executions", HTTP_HOST="evil.example")
    assert evil.status_code == 400
    page = alice.client.get("/api/executions?limit=1", HTTP_X_FORWARDED_HOST="evil.x")
    assert "evil" not in page.json()["next"]
