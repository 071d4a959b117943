"""Lists of executions and of their steps, and counts of them."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.executions.engine import claims
from apps.executions.models import Execution, StepRecord
from tests.executions.documents import NAMED, UNKNOWN, broken, doc, put, refused
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db


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
    # With nothing open, one question need not be asked.
    engine.start(workflow)
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
    claims.claim(first.id, "worker")
    found = bob.client.get(url).json()
    assert found == {"activeExecutions": 1, "queuedExecutions": 1, "maxConcurrent": 5}
    health = anonymous.get("/api/health").json()
    assert health["services"]["workflowEngine"] == found
    assert anonymous.get(url).status_code == 401
