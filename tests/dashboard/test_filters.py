"""The list of executions: filters, filters that are kept, many at once."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.dashboard.models import SavedFilter
from apps.executions import search
from apps.executions.models import Execution
from tests.dashboard.conftest import Visitor
from tests.dashboard.documents import ASKS, FAILS, FINE

pytestmark = pytest.mark.django_db(transaction=True)


def ids(page) -> list[str]:
    return [one.get("id").removeprefix("row-") for one in page.all("#rows tr[id]")]


def change(execution, **values):
    with tenancy.tenant(execution.organization_id):
        Execution.objects.filter(id=execution.id).update(**values)


def test_inputs_and_outputs_are_searched(engine, owner):
    workflow = engine.workflow(ASKS)
    wanted = engine.run(workflow, inputs={"customer": "Bl\u00fcm & <Co>"})
    engine.run(workflow, inputs={"customer": "other"})
    assert ids(owner.get("/executions?text=bl\u00fcm")) == [str(wanted.id)]
    assert ids(owner.get("/executions?text=<co>")) == [str(wanted.id)]
    change(wanted, outputs={"x": {"y": "needle_7"}})
    assert ids(owner.get("/executions?text=needle_7")) == [str(wanted.id)]
    assert ids(owner.get("/executions?text=%25")) == []


def test_trigger_person_and_duration_narrow_the_list(engine, owner, alice, bob):
    one, other = engine.run(FINE), engine.run(FINE)
    change(one, trigger="webhook", triggered_by=bob.user.id)
    end = timezone.now()
    change(one, started_at=end - timedelta(seconds=90), finished_at=end)
    for query in ("trigger=webhook", f"user={bob.user.id}", "shortest=60"):
        assert ids(owner.get(f"/executions?{query}")) == [str(one.id)], query
    for query in ("trigger=api", f"user={alice.user.id}", "longest=59.5"):
        assert ids(owner.get(f"/executions?{query}")) == [str(other.id)], query


def test_one_that_still_runs_has_lasted_so_far(engine, owner):
    running, _ = engine.start(FINE), engine.run(FINE)
    change(running, started_at=timezone.now() - timedelta(hours=1))
    assert ids(owner.get("/executions?shortest=3000")) == [str(running.id)]
    assert str(running.id) not in ids(owner.get("/executions?longest=3000"))


def test_times_bound_the_list(engine, owner):
    execution = engine.run(FINE)
    hour = timedelta(hours=1)
    before, after = (f"{timezone.now() + by:%Y-%m-%dT%H:%M}" for by in (-hour, hour))
    inside = owner.get(f"/executions?since={before}&until={after}")
    assert ids(inside) == [str(execution.id)]
    assert ids(owner.get(f"/executions?since={after}")) == []
    assert ids(owner.get(f"/executions?until={before}")) == []


def test_fields_that_cannot_be_used_are_refused(owner):
    for query in (
        *("trigger=odd", "user=odd", "since=odd", "shortest=-1", "longest=nan"),
        *("until=99999-01-01", f"text={'x' * 201}", "text=%00", "shortest=1e99"),
    ):
        assert owner.get(f"/executions?{query}").status == 400, query


def test_times_at_the_ends_of_the_calendar_find_nothing_and_break_nothing(owner):
    for query in (
        *("until=0001-01-01T00:00", "until=0001-01-01T00:00%2B23:59"),
        *("since=9999-12-31T23:59", "since=9999-12-31T23:59-23:59"),
    ):
        page = owner.get(f"/executions?{query}")
        assert (page.status, ids(page)) == (200, []), query


def test_a_choice_that_is_not_offered_is_kept_when_the_form_is_sent(owner):
    id_ = uuid.uuid4()
    for name in ("user", "workflow"):
        page = owner.get(f"/executions?{name}={id_}")
        (chosen,) = page.all(f"#{name} option[selected]")
        assert chosen.get("value") == str(id_)


def test_a_look_ends_and_goes_on_where_it_ended(engine, owner, monkeypatch):
    monkeypatch.setattr(search, "WINDOW", 2)
    workflow = engine.workflow(FINE)
    wanted = engine.start(workflow)
    change(wanted, trigger="webhook")
    for _ in range(3):
        engine.start(workflow)
    page = owner.get("/executions?trigger=webhook")
    assert ids(page) == []
    assert "there are older ones" in page.text
    (further,) = page.all("a[rel=next]")
    assert further.text == "Look further back"
    assert ids(owner.get(further.get("href"))) == [str(wanted.id)]


def test_one_workflow_is_searched_by_itself(engine, owner, monkeypatch):
    monkeypatch.setattr(search, "WINDOW", 2)
    workflow = engine.workflow(FINE)
    wanted = engine.run(workflow)
    for _ in range(3):
        engine.start(FINE)
    query = f"workflow={workflow.id}&state=completed"
    assert ids(owner.get(f"/executions?{query}")) == [str(wanted.id)]


# --- Saved filters -----------------------------------------------------------------


def test_a_filter_is_kept_used_and_forgotten(engine, owner, alice):
    engine.run(FAILS)
    data = {"name": "  <b>Bad</b> ones ", "query": "state=failed&odd=1"}
    answer = owner.post("/executions/filters", **data).response
    assert answer["Location"] == "/executions?state=failed"
    page = owner.get("/executions?state=failed")
    (link,) = page.all(".saved a[aria-current]")
    assert (link.text, link.get("href")) == (
        "<b>Bad</b> ones",
        "/executions?state=failed",
    )
    owner.post(page.all(".saved form")[0].get("action"))
    assert not owner.get("/executions").all(".saved")


def test_the_same_name_is_replaced(owner, alice):
    for state in ("failed", "queued"):
        owner.post("/executions/filters", name="mine", query=f"state={state}")
    with tenancy.tenant(alice.organization_id):
        assert SavedFilter.objects.get().query == "state=queued"


def test_a_filter_without_name_or_fields_is_not_kept(owner, alice):
    for data in ({"name": "x"}, {"query": "state=failed"}, {"name": "y" * 61}):
        owner.post("/executions/filters", **data)
    with tenancy.tenant(alice.organization_id):
        assert not SavedFilter.objects.exists()


def test_filters_are_ones_own(owner, alice, bob, stranger):
    owner.post("/executions/filters", name="mine", query="state=failed")
    with tenancy.tenant(alice.organization_id):
        path = f"/executions/filters/{SavedFilter.objects.get().id}/delete"
    colleague = Visitor(bob)
    assert not colleague.get("/executions").all(".saved")
    assert colleague.post(path).status == 404
    assert stranger.post(path).status == 404
    assert len(owner.get("/executions").all(".saved")) == 1


# --- Many at once -------------------------------------------------------------------


def bulk(visitor: Visitor, action: str, *executions, query: str = ""):
    data = {"action": action, "id": [str(one.id) for one in executions]}
    return visitor.client.post("/executions/bulk", {**data, "query": query})


def test_many_are_retried_and_what_cannot_be_is_said(engine, owner):
    failed, open_ = engine.run(FAILS), engine.start(FINE)
    answer = bulk(owner, "retry", failed, open_, query="state=failed")
    assert answer["Location"] == "/executions?state=failed"
    note = owner.get("/executions").all("main > .note")[0].text
    assert note.startswith("1 of 2 retried: The execution has not ended yet.")
    with engine.scope():
        assert Execution.objects.filter(retry_of=failed.id).count() == 1


def test_after_many_were_done_one_is_on_the_same_page(engine, owner):
    executions = [engine.start(FINE) for _ in range(3)]
    page = owner.get("/executions?limit=1")
    (older,) = page.all("a[rel=next]")
    (cursor,) = owner.get(older.get("href")).all("input[name=cursor]")
    data = {"action": "cancel", "id": str(executions[1].id)}
    more = {"query": "state=queued", "cursor": cursor.get("value")}
    answer = owner.client.post("/executions/bulk", {**data, **more})
    place = f"/executions?state=queued&cursor={executions[2].id}"
    assert answer["Location"] == place
    assert not page.all("input[name=cursor]")


def test_the_form_for_many_is_sent_once(owner):
    assert owner.get("/executions").all("form#bulk[data-once]")


def test_many_are_cancelled(engine, owner):
    executions = [engine.start(FINE) for _ in range(2)]
    bulk(owner, "cancel", *executions)
    assert {engine.now(one).status for one in executions} == {"cancelled"}


def test_many_are_deleted_but_open_ones(engine, owner):
    done, open_ = engine.run(FAILS), engine.start(FINE)
    bulk(owner, "delete", done, open_)
    assert ids(owner.get("/executions")) == [str(open_.id)]
    assert owner.get(f"/executions/{done.id}").status == 404
    with engine.scope():
        audited = AuditEntry.objects.filter(action="execution.delete")
        assert [one.target_id for one in audited] == [str(done.id)]


def test_only_editors_delete_and_only_operators_act(engine, member, looker):
    execution = engine.run(FAILS)
    operator = Visitor(member("operator"))
    assert bulk(operator, "delete", execution).status_code == 403
    for action in ("retry", "cancel", "delete"):
        assert bulk(looker, action, execution).status_code == 403
    assert "Delete" not in operator.get("/executions").buttons()
    page = looker.get("/executions")
    assert not page.all("input[name=id]")
    assert {"Retry", "Cancel", "Delete"}.isdisjoint(page.buttons())
    assert ids(page) == [str(execution.id)]


def test_other_organizations_executions_are_left_alone(engine, stranger):
    execution = engine.run(FAILS)
    for action in ("retry", "cancel", "delete"):
        bulk(stranger, action, execution)
    with engine.scope():
        assert Execution.objects.count() == 1


def test_nothing_chosen_and_nonsense_change_nothing(engine, owner):
    execution = engine.run(FAILS)
    for chosen, status in (([], 302), (["odd"], 400), (["x"] * 201, 400)):
        data = {"action": "delete", "id": chosen}
        assert owner.client.post("/executions/bulk", data).status_code == status
    assert bulk(owner, "odd", execution).status_code == 400
    assert len(ids(owner.get("/executions"))) == 1
