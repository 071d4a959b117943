"""Running, cancelling and retrying from pages."""

import uuid

import pytest

from apps.accounts.models import AuditEntry
from apps.executions.models import Execution
from tests.dashboard.documents import ASKS, FAILS, FINE

pytestmark = pytest.mark.django_db(transaction=True)


def started(engine) -> list[Execution]:
    with engine.scope():
        return list(Execution.objects.order_by("id"))


def test_run_starts_the_workflow_and_shows_the_execution(engine, owner, alice):
    workflow = engine.workflow(FINE)
    answer = owner.post(f"/workflows/{workflow.id}/run").response
    (made,) = started(engine)
    assert answer["Location"] == f"/executions/{made.id}"
    assert (made.trigger, made.triggered_by) == ("manual", alice.user.id)
    assert "Alice" in owner.get(answer["Location"]).text
    with engine.scope():
        assert AuditEntry.objects.filter(action="execution.start").count() == 1


def test_a_form_sent_twice_starts_one_execution(engine, owner):
    workflow = engine.workflow(FINE)
    page = owner.get(f"/workflows/{workflow.id}")
    key = page.all("#run input[name=key]")[0].get("value")
    first, second = (
        owner.post(f"/workflows/{workflow.id}/run", key=key) for _ in range(2)
    )
    assert first.response["Location"] == second.response["Location"]
    assert len(started(engine)) == 1


def test_inputs_are_read_by_their_declared_types(engine, owner):
    workflow = engine.workflow(ASKS)
    data = {"input.customer": "42", "input.count": "7", "input.color": ""}
    owner.post(f"/workflows/{workflow.id}/run", **data)
    (made,) = started(engine)
    assert made.inputs == {"customer": "42", "count": 7, "color": None}


def test_wrong_inputs_come_back_with_what_is_wrong(engine, owner):
    workflow = engine.workflow(ASKS)
    data = {"input.count": "many", "input.odd": "x"}
    page = owner.post(f"/workflows/{workflow.id}/run", **data)
    assert page.status == 400
    assert "is required" in page.all("#about-customer")[0].text_content()
    assert page.all("#input-count")[0].get("value") == "many"
    assert "unknown input" in page.all("#run .note")[0].text
    assert started(engine) == []


def test_cancel_stops_an_execution(engine, owner):
    execution = engine.start(FINE)
    page = owner.post(f"/executions/{execution.id}/cancel")
    assert page.response["Location"] == f"/executions/{execution.id}"
    assert engine.now(execution).status == "cancelled"


def test_cancelling_what_has_ended_says_so(engine, owner):
    execution = engine.run(FINE)
    owner.post(f"/executions/{execution.id}/cancel")
    assert "has ended already" in owner.get(f"/executions/{execution.id}").text


def test_retry_goes_on_from_the_failed_step(engine, owner):
    failed = engine.run(FAILS)
    data = {"from": "failed", "version": "same"}
    answer = owner.post(f"/executions/{failed.id}/retry", **data).response
    again = started(engine)[-1]
    assert answer["Location"] == f"/executions/{again.id}"
    assert (again.retry_of, again.reused_steps) == (failed.id, 1)
    assert "1 step reused" in owner.get(answer["Location"]).text


def test_retry_from_the_start_reuses_nothing(engine, owner):
    owner.post(f"/executions/{engine.run(FAILS).id}/retry", **{"from": "start"})
    assert started(engine)[-1].reused_steps == 0


def test_retrying_what_still_runs_says_so(engine, owner):
    execution = engine.start(FINE)
    owner.post(f"/executions/{execution.id}/retry", **{"from": "start"})
    assert "has not ended yet" in owner.get(f"/executions/{execution.id}").text
    assert len(started(engine)) == 1


def test_an_unknown_choice_is_refused(engine, owner):
    path = f"/executions/{engine.run(FAILS).id}/retry"
    assert owner.post(path, **{"from": "odd"}).status == 400
    assert owner.post(path, version="odd").status == 400


def actions(engine) -> list[str]:
    execution = engine.run(FAILS)
    return [
        f"/workflows/{execution.workflow_id}/run",
        f"/executions/{execution.id}/cancel",
        f"/executions/{execution.id}/retry",
    ]


def test_viewers_may_not_act(engine, looker):
    for path in actions(engine):
        page = looker.post(path)
        assert page.status == 403
        assert "This needs the role operator." in page.text
    assert len(started(engine)) == 1


def test_strangers_and_nobody_cannot_act(engine, stranger, nobody):
    for path in actions(engine):
        assert stranger.post(path).status == 404
        assert nobody.post(path).response["Location"] == "/sign-in"
    assert len(started(engine)) == 1


def test_unknown_ids_are_not_found(owner):
    for path in (f"/workflows/{uuid.uuid4()}/run", f"/executions/{uuid.uuid4()}/retry"):
        assert owner.post(path).status == 404
