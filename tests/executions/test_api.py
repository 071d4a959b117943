"""The endpoints of executions: starting, showing, listing, cancelling."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.executions.engine import leases
from apps.executions.models import Execution, StepRecord
from apps.workflows.services import workflow_archive
from tests.executions.documents import NAMED, broken, doc, put
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

CHILD_DELAY = {"id": "d", "type": "delay", "params": {"seconds": 3600}}
UNKNOWN = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def execute_url(person: Person, document: dict[str, Any]) -> str:
    """Where to start a new workflow of this document."""
    definition = {"name": f"w-{uuid.uuid4().hex[:8]}", **document}
    made = person.client.post("/api/workflows", {"definition": definition}).json()
    return f"/api/workflows/{made['id']}/execute"


def refused(answer: Any) -> list[str]:
    """The paths that a 400 names."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["path"] for error in answer.json()["errors"]]


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


# --- steps -----------------------------------------------------------------------


def test_shows_each_step_once_with_its_last_attempt(
    engine: Engine, alice: Person
) -> None:
    retry = {"retry": {"max_attempts": 3, "delay": 0}}
    done = engine.run(doc(put("a", [1]), broken("b", name="Read it", **retry)))
    page = alice.client.get(f"/api/executions/{done.id}/steps").json()
    assert page["next"] is None
    first, second = page["results"]
    assert (first["path"], first["output"], first["error"]) == ("a", [1], None)
    assert (second["path"], second["attempt"], second["status"]) == ("b", 3, "failed")
    assert (second["type"], second["name"]) == ("read_file", "Read it")
    assert second["error"]["code"] == "file_not_found"
    assert {"step_id", "started_at", "duration_ms", "warnings"} <= second.keys()


def follow(client: JsonClient, url: str) -> list[Any]:
    """All rows of a list, page by page."""
    rows: list[Any] = []
    while url:
        page = client.get(url).json()
        rows += page["results"]
        url = page["next"]
    return rows


def test_pages_through_many_steps(engine: Engine, alice: Person) -> None:
    loop = {"id": "rows", "type": "loop", "times": 120, "steps": [put("a", 1)]}
    done = engine.run(doc(loop))
    url = f"/api/executions/{done.id}/steps"
    rows = follow(alice.client, url)
    assert [row["path"] for row in rows] == [
        "rows",
        *(f"rows[{index}].a" for index in range(120)),
    ]
    assert follow(alice.client, f"{url}?limit=7") == rows


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("cursor=x", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=%E0%A5%A7", "cursor"),
        (f"cursor={2**70}", "cursor"),
        ("limit=0", "limit"),
        ("limit=1000000000", "limit"),
        ("offset=-1", "offset"),
        ("ordering=output", "ordering"),
        ("fields=__all__", "fields"),
    ],
)
def test_refuses_unusable_questions_about_steps(
    engine: Engine, alice: Person, query: str, path: str
) -> None:
    url = f"/api/executions/{engine.start(doc()).id}/steps?{query}"
    assert refused(alice.client.get(url)) == [path]


def test_large_outputs_make_short_pages(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.executions.api.pages.MAX_PAGE_BYTES", 500_000)
    text = "x" * 300_000
    done = engine.run(doc(*(put(f"s{at}", text) for at in range(5))))
    url = f"/api/executions/{done.id}/steps"
    assert len(alice.client.get(url).json()["results"]) == 2
    rows = follow(alice.client, url)
    assert [row["output"] for row in rows] == [text] * 5


# --- lists -----------------------------------------------------------------------


def test_filters_by_status_workflow_and_trigger(engine: Engine, alice: Person) -> None:
    done = engine.run(doc())
    failed = engine.run(doc(broken("b")))
    queued = engine.start(doc())

    def ids(query: str) -> list[str]:
        rows = alice.client.get(f"/api/executions?{query}").json()["results"]
        return [row["id"] for row in rows]

    assert ids("") == [str(queued.id), str(failed.id), str(done.id)]
    assert ids("status=completed,failed") == [str(failed.id), str(done.id)]
    assert ids(f"workflow={done.workflow_id}") == [str(done.id)]
    assert ids("trigger=schedule") == []
    assert ids("ordering=id&trigger=api")[0] == str(done.id)
    assert ids("ordering=finished_at")[-1] == str(queued.id)
    assert ids(f"parent={done.id}") == ids(f"retry_of={done.id}") == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=queued,", "status"),
        ("status=queued%00", "status"),
        ("trigger=apii", "trigger"),
        ("workflow=1", "workflow"),
        (f"workflow={UNKNOWN.hex}", "workflow"),
        ("parent=true", "parent"),
        ("retry_of=%7B%7D", "retry_of"),
        ("org__id=1", "org__id"),
        ("workflow__name=a", "workflow__name"),
        ("ordering=password", "ordering"),
        ("ordering=workflow__name", "ordering"),
        ("limit=-1", "limit"),
        ("cursor=AAAA", "cursor"),
    ],
)
def test_refuses_filters_that_it_does_not_know(
    alice: Person, query: str, path: str
) -> None:
    assert refused(alice.client.get(f"/api/executions?{query}")) == [path]


def test_ten_thousand_parameters_are_refused(alice: Person) -> None:
    query = "&".join(f"a{number}=1" for number in range(10_000))
    answer = alice.client.get(f"/api/executions?{query}")
    assert answer.status_code in (400, 413)


def test_the_list_leaves_documents_out(engine: Engine, alice: Person) -> None:
    engine.start(NAMED, inputs={"customer": "Ann"})
    (row,) = alice.client.get("/api/executions").json()["results"]
    assert {"inputs", "variables", "outputs"}.isdisjoint(row)
    assert {"id", "workflow_name", "version", "status", "duration_ms"} <= row.keys()


@pytest.mark.parametrize(
    "path", ["executions", "executions/{id}/steps", "workflows/{workflow}/status"]
)
def test_lists_ask_a_constant_number_of_questions(
    engine: Engine, alice: Person, path: str
) -> None:
    workflow = engine.workflow(doc(put("a", 1), put("b", 2), put("c", 3)))
    done = engine.run(workflow)
    url = "/api/" + path.format(id=done.id, workflow=workflow.id)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert alice.client.get(url).status_code == 200
        return len(asked)

    with engine.scope():
        StepRecord.objects.filter(execution_id=done.id, path__in=["b", "c"]).delete()
    before = count()
    for _ in range(5):
        engine.start(workflow)
    with engine.scope():
        first = StepRecord.objects.get(execution_id=done.id, path="a")
        for number in range(1, 30):
            first.path, first.position = f"a{number}", number
            first.pk = (done.id, first.path, 1)
            first.save(force_insert=True)
    assert count() == before


# --- cancelling --------------------------------------------------------------------


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
    lease = leases.claim(execution.id, "worker")
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
    child = engine.start(doc(), parent_id=parent.id, depth=1)
    grandchild = engine.start(doc(), parent_id=child.id, depth=2)
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
    leases.claim(parent.id, "worker")
    cancel(alice, parent)
    with pytest.raises(Conflict, match="cancelled"):
        engine.start(doc(), parent_id=parent.id, depth=1)


def test_cancels_all_open_executions_of_a_workflow(
    engine: Engine, alice: Person
) -> None:
    workflow = engine.workflow(doc())
    done = engine.run(workflow)
    open_ = [engine.start(workflow) for _ in range(3)]
    leases.claim(open_[0].id, "worker")
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
        engine.start(workflow, parent_id=parent.id)
    with CaptureQueriesContext(connection) as asked:
        alice.client.post(f"/api/workflows/{workflow.id}/cancel")
    assert len(asked) < 30


# --- status ------------------------------------------------------------------------


def test_counts_the_executions_of_a_workflow(engine: Engine, bob: Person) -> None:
    workflow = engine.workflow(doc())
    engine.run(workflow)
    queued = engine.start(workflow)
    engine.start(doc())
    found = bob.client.get(f"/api/workflows/{workflow.id}/status").json()
    assert found["executions"] == {
        **dict.fromkeys(Execution.STATUSES, 0),
        "completed": 1,
        "queued": 1,
    }
    assert [row["id"] for row in found["open"]] == [str(queued.id)]
    assert found["last"]["id"] == str(queued.id)


def test_a_workflow_that_never_ran_has_no_last_execution(
    engine: Engine, alice: Person
) -> None:
    workflow = engine.workflow(doc())
    found = alice.client.get(f"/api/workflows/{workflow.id}/status").json()
    assert (found["last"], found["open"]) == (None, [])


def test_the_engine_status_is_the_one_of_health(
    engine: Engine, alice: Person, bob: Person, anonymous: JsonClient
) -> None:
    url = "/api/workflows/engine/status"
    first, _ = engine.start(doc()), engine.start(doc())
    leases.claim(first.id, "worker")
    found = bob.client.get(url).json()
    assert found == {"activeExecutions": 1, "queuedExecutions": 1, "maxConcurrent": 5}
    health = anonymous.get("/api/health").json()
    assert health["services"]["workflowEngine"] == found
    assert anonymous.get(url).status_code == 401
