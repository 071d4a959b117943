"""What pages show, and to whom."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import tenancy
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.models import Execution, StepRecord
from apps.steps.browser.evidence.collecting import Piece
from tests.dashboard.conftest import Visitor
from tests.dashboard.documents import ASKS, FAILS, FINE, LOOP

pytestmark = pytest.mark.django_db(transaction=True)


def change(execution, **values):
    """Put an execution into a state that takes long to reach."""
    with tenancy.tenant(execution.organization_id):
        Execution.objects.filter(id=execution.id).update(**values)


def test_pages_carry_a_strict_content_security_policy(owner):
    for path in ("/", "/workflows", "/executions", f"/executions/{uuid.uuid4()}"):
        answer = owner.get(path).response
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer["Cache-Control"] == "no-store"


def test_pages_hold_no_inline_script_or_style(engine, owner):
    engine.run(FAILS)
    for path in ("/", "/workflows", "/executions", execution_path(engine)):
        page = owner.get(path)
        assert not page.all("style, [style], script:not([src])")
        assert not re.search(rb"\son\w+=", page.response.content)


def execution_path(engine) -> str:
    with engine.scope():
        newest = Execution.objects.order_by("-id").first()
    return f"/executions/{newest.id}"


# --- Home -----------------------------------------------------------------------


def test_home_teaches_when_there_is_nothing(owner):
    page = owner.get("/")
    assert "Nothing has run yet." in page.text
    assert "Nothing failed this week." in page.text


def test_home_says_what_is_missing_and_what_to_do(owner):
    text = owner.get("/").text
    assert "No worker is running." in text
    assert "python3 manage.py worker" in text
    assert "python3 manage.py beat" in text


def test_home_counts_lists_and_points_to_failures(engine, owner):
    engine.run(FINE)
    failed = engine.run(FAILS)
    page = owner.get("/")
    assert {one.text for one in page.all(".states .chip")} == {
        "1 completed",
        "1 failed",
    }
    assert "step look: " in page.text
    assert page.all("#overview .btn")[0].get("href") == f"/executions/{failed.id}"
    assert len(page.all("#recent tbody tr")) == 2


def test_a_crash_is_shown_as_crashed(engine, owner):
    error = {"code": "worker_lost", "kind": "platform", "message": "lost", "path": None}
    change(engine.run(FAILS), error=error)
    page = owner.get("/")
    assert [one.text for one in page.all(".states .chip")] == ["1 crashed"]
    assert "crashed" in page.all("#recent tr .chip")[0].text
    assert len(owner.get("/executions?state=crashed").all("tbody tr")) == 1
    assert not owner.get("/executions?state=failed").all("tbody tr")


@pytest.mark.parametrize("part", ["overview", "recent"])
def test_home_refreshes_by_parts(engine, owner, part):
    engine.run(FINE)
    page = owner.part("/", part)
    assert page.status == 200
    assert b"<html" not in page.response.content


# --- Executions ------------------------------------------------------------------


def test_the_list_is_filtered_by_state_and_workflow(engine, owner):
    fine, failed = engine.run(FINE), engine.run(FAILS)
    only_failed = owner.get("/executions?state=failed").all("tbody tr")
    assert [row.get("id") for row in only_failed] == [f"row-{failed.id}"]
    of_fine = owner.get(f"/executions?workflow={fine.workflow_id}").all("tbody tr")
    assert [row.get("id") for row in of_fine] == [f"row-{fine.id}"]


@pytest.mark.parametrize("query", ["state=odd", "workflow=odd", "cursor=odd"])
def test_an_unusable_filter_is_refused(owner, query):
    assert owner.get(f"/executions?{query}").status == 400


def test_a_filter_that_fits_nothing_says_so(owner):
    assert "No execution fits" in owner.get("/executions?state=waiting").text


def test_long_lists_go_on_where_they_ended(engine, owner):
    workflow = engine.workflow(FINE)
    ids = [engine.start(workflow).id for _ in range(5)]
    first = owner.get("/executions?limit=3&state=queued")
    assert len(first.all("tbody tr")) == 3
    older = owner.get(first.all("a[rel=next]")[0].get("href"))
    assert [row.get("id") for row in older.all("tbody tr")] == [
        f"row-{ids[1]}",
        f"row-{ids[0]}",
    ]
    assert not older.all("[data-live]")


def test_an_execution_shows_steps_values_and_its_end(engine, owner):
    execution = engine.run(FINE)
    page = owner.get(f"/executions/{execution.id}")
    assert page.all("h1 .chip")[0].text == "completed"
    assert page.all(".step .cut")[0].text == "greet"
    assert '"a": 1' in page.text
    assert not page.all("[data-live]")


def test_a_failure_is_explained_with_its_step(engine, owner):
    page = owner.get(f"/executions/{engine.run(FAILS).id}")
    note = " ".join(page.all(".note[role=alert]")[0].text_content().split())
    assert note.startswith("Look at the <b>total</b> failed: ")
    assert page.all("#retry-from option")[0].text == "failed step"


def test_evidence_is_linked_from_its_step(engine, owner):
    execution = engine.run(LOOP)
    path = next(one.path for one in engine.records(execution) if "[1]" in one.path)
    store = ArtifactStore(execution.organization_id, execution.id, path)
    # What a crash made the step do twice is shown once.
    for content in (b"old", b"newer"):
        pieces = [Piece("har", "traffic.har", content, "application/har+json")]
        kept = store.keep(pieces, attempt=1)
    page = owner.get(f"/executions/{execution.id}")
    (link,) = page.all("li[id^='round-rows[1]'] .evidence a")
    assert link.text == "traffic (HAR)"
    assert link.get("href").endswith(kept["har"]["artifact"])
    assert not page.all(".artifacts li")


def test_loops_are_folded_with_a_bar_for_each_round(engine, owner):
    page = owner.get(f"/executions/{engine.run(LOOP).id}")
    assert [one.get("id") for one in page.all("details li[id^=round]")] == [
        "round-rows[0]",
        "round-rows[1]",
        "round-rows[2]",
    ]
    assert not page.all("details[open]")
    assert len(page.all("svg.track rect")) == 7


def test_an_open_execution_refreshes_itself_until_its_end(engine, owner):
    execution = engine.start(FINE)
    path = f"/executions/{execution.id}"
    page = owner.get(path)
    assert [one.get("id") for one in page.all("[data-live]")] == ["live", "values"]
    assert "in line for a free worker" in page.text
    assert owner.part(path, "live").status == 200
    change(execution, status="cancelled", reason="cancelled")
    assert owner.part(path, "live").status == 286
    assert owner.part(path, "values").status == 286


def test_very_long_executions_show_their_beginning_and_end(engine, owner):
    execution = engine.run(FINE)
    with engine.scope():
        first = StepRecord.objects.get(execution_id=execution.id)
        StepRecord.objects.bulk_create(
            StepRecord(
                execution_id=execution.id,
                organization_id=execution.organization_id,
                path=f"more{number}",
                position=number + 10,
                step_id=f"more{number}",
                type="log",
                status="completed",
                started_at=first.started_at,
                duration_ms=1,
            )
            for number in range(1_200)
        )
    page = owner.get(f"/executions/{execution.id}")
    assert len(page.all(".step")) == 1_000
    assert "201 steps in the middle are not shown here" in page.text
    assert page.all(".step .cut")[-1].text == "more1199"


def test_secrets_are_concealed(engine, owner):
    from apps.executions.engine.masking import mark_of

    execution = engine.run(FINE)
    mark = mark_of(str(execution.organization_id), "key")
    stored = f"\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}secret:token:{mark}"
    stored += "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
    change(execution, inputs={"key": stored}, variables={"v": stored})
    page = owner.get(f"/executions/{execution.id}")
    assert "secret:token" not in page.text
    assert page.text.count("***") == 3  # once in the command to copy


# --- Workflows -------------------------------------------------------------------


def test_workflows_are_listed_with_their_last_execution(engine, owner):
    engine.run(FINE | {"name": "Alpha"})
    engine.workflow(ASKS | {"name": "Beta"})
    page = owner.get("/workflows")
    rows = [" ".join(row.text_content().split()) for row in page.all("tbody tr")]
    assert rows[0].startswith("Alpha 1 completed")
    assert rows[1].startswith("Beta 1 never ran")
    assert page.buttons()[1:] == ["Run Alpha"]
    assert "No workflow has" in owner.get("/workflows?search=gamma").text


def test_a_workflow_shows_its_definition_and_versions(engine, owner):
    workflow = engine.workflow(ASKS | {"name": "Beta"})
    page = owner.get(f"/workflows/{workflow.id}")
    assert page.all("pre")[0].text.startswith("name: Beta\n")
    assert owner.get(f"/workflows/{workflow.id}?version=2").status == 404
    assert owner.get(f"/workflows/{workflow.id}?version=x").status == 400


def test_the_run_form_is_made_from_the_declared_inputs(engine, owner):
    workflow = engine.workflow(ASKS)
    page = owner.get(f"/workflows/{workflow.id}")
    assert page.all("#input-customer")[0].get("required") is not None
    assert page.all("#input-count")[0].get("value") == "2"
    choices = [one.text for one in page.all("#input-color option")]
    assert choices == ["\N{EN DASH}", "red", "blue"]
    labels = {one.get("for") for one in page.all("#run label[for]")}
    assert labels == {"input-customer", "input-count", "input-color"}


# --- Who sees what ----------------------------------------------------------------


def test_viewers_see_no_buttons_that_they_may_not_use(engine, looker):
    open_, done = engine.start(FINE), engine.run(FAILS)
    for path in (
        "/workflows",
        f"/workflows/{done.workflow_id}",
        f"/executions/{open_.id}",
        f"/executions/{done.id}",
    ):
        page = looker.get(path)
        assert page.status == 200
        assert set(page.buttons()) <= {"Search"}


def test_foreign_objects_do_not_exist(engine, stranger):
    execution = engine.run(FINE)
    for path in (
        f"/executions/{execution.id}",
        f"/workflows/{execution.workflow_id}",
        f"/executions/{execution.id}/artifacts/{uuid.uuid4()}",
    ):
        assert stranger.get(path).status == 404
    assert not stranger.get("/executions").all("tbody tr")
    assert not stranger.get("/workflows").all("tbody tr")


def queries_of(visitor: Visitor, path: str) -> int:
    visitor.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert visitor.get(path).status == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/", "/executions", "/workflows"])
def test_lists_take_the_same_number_of_queries_however_long(engine, owner, path):
    engine.run(FAILS)
    engine.start(FINE)
    few = queries_of(owner, path)
    for _ in range(4):
        engine.run(FAILS)
        engine.start(FINE)
    assert queries_of(owner, path) == few
