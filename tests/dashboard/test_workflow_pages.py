"""The pages of a workflow: runs, versions, schedules, settings; the list."""

import pytest

from apps.executions.hooks import hook_find
from apps.workflows.models import Workflow
from apps.workflows.services import workflow_update
from tests.dashboard.conftest import Visitor
from tests.dashboard.documents import FAILS, FINE

pytestmark = pytest.mark.django_db(transaction=True)
TABS = ("", "/runs", "/versions", "/schedules", "/settings")


@pytest.fixture
def changed(engine) -> Workflow:
    """A workflow of two versions."""
    workflow = engine.workflow(FINE | {"name": "Alpha", "tags": ["money", "<b>x</b>"]})
    steps = [
        {"id": "greet", "type": "set_variable", "params": {"name": "a", "value": 2}},
        {"id": "wait", "type": "delay", "params": {"seconds": 1}},
    ]
    document = {"name": "Alpha", "steps": steps}
    with engine.scope():
        return workflow_update(
            workflow=workflow, by=engine.viewer, document=document, comment="slower"
        )


def now(engine, workflow) -> Workflow:
    with engine.scope():
        return Workflow.objects.select_related("current_version").get(id=workflow.id)


def test_every_tab_is_there_for_members_alone(changed, looker, stranger, nobody):
    for tail in TABS:
        page = looker.get(f"/workflows/{changed.id}{tail}")
        assert page.status == 200
        (here,) = page.all(".tabs a[aria-current]")
        assert here.get("href") == f"/workflows/{changed.id}{tail}"
        assert stranger.get(f"/workflows/{changed.id}{tail}").status == 404
        assert nobody.get(f"/workflows/{changed.id}{tail}").status == 302


def test_runs_are_listed_by_state(engine, owner):
    workflow = engine.workflow(FINE)
    engine.run(workflow)
    engine.start(workflow)
    engine.run(FAILS)
    path = f"/workflows/{workflow.id}/runs"
    assert len(owner.get(path).all("#rows tbody tr")) == 2
    assert len(owner.get(f"{path}?state=queued").all("#rows tbody tr")) == 1
    assert owner.part(path, "rows").status == 200
    assert "No execution fits." in owner.get(f"{path}?state=failed").text


def test_the_last_change_is_shown_in_words(changed, owner):
    page = owner.get(f"/workflows/{changed.id}/versions")
    assert "From version 1 to 2" in page.text
    parts = {one.text for one in page.all(".part h3")}
    assert {"greet", "wait"} <= parts
    kinds = [one.text for one in page.all(".part .sign")]
    assert {"added", "changed"} <= set(kinds)
    assert any("value: 2" in one.text_content() for one in page.all(".diff .is"))
    assert "slower" in page.text


def test_versions_are_chosen_by_number(changed, owner):
    for query, status in (("from=2&to=2", 200), ("to=9", 404), ("from=x", 400)):
        page = owner.get(f"/workflows/{changed.id}/versions?{query}")
        assert page.status == status


def test_a_first_version_teaches_what_comes(engine, owner):
    workflow = engine.workflow(FINE)
    page = owner.get(f"/workflows/{workflow.id}/versions")
    assert "There is one version only" in page.text


def test_restoring_makes_a_new_version(engine, changed, owner):
    path = f"/workflows/{changed.id}/versions/1/restore"
    answer = owner.post(path).response
    assert answer["Location"] == f"/workflows/{changed.id}/versions"
    assert now(engine, changed).current_version.number == 3
    assert "it is version 3 now" in owner.get(answer["Location"]).text


def test_only_editors_restore(engine, changed, member, stranger):
    path = f"/workflows/{changed.id}/versions/1/restore"
    operator = Visitor(member("operator"))
    assert operator.post(path).status == 403
    assert stranger.post(path).status == 404
    buttons = operator.get(f"/workflows/{changed.id}/versions").buttons()
    assert not [one for one in buttons if one.startswith("Restore")]
    assert now(engine, changed).current_version.number == 2


def test_name_description_and_tags_are_saved(engine, changed, owner):
    data = {"name": "Beta", "description": "new <i>", "tags": "one, two,,"}
    owner.post(f"/workflows/{changed.id}/settings", **data)
    found = now(engine, changed)
    assert (found.name, found.description, found.tags) == (
        "Beta",
        "new <i>",
        ["one", "two"],
    )
    assert found.current_version.number == 3


def test_a_name_that_is_taken_or_empty_is_refused(engine, changed, owner):
    engine.workflow(FINE | {"name": "Taken"})
    path = f"/workflows/{changed.id}/settings"
    for name in ("Taken", ""):
        owner.post(path, name=name)
        assert owner.get(path).all("main > .note.warning")
    assert now(engine, changed).name == "Alpha"


def act(visitor, workflow, action):
    return visitor.post(f"/workflows/{workflow.id}/actions/{action}")


def test_archiving_takes_it_out_of_the_list_and_back(engine, changed, owner):
    act(owner, changed, "archive")
    assert not owner.get("/workflows").all("tbody tr")
    assert len(owner.get("/workflows?archived=1").all("tbody tr")) == 1
    act(owner, changed, "unarchive")
    assert len(owner.get("/workflows").all("tbody tr")) == 1


def test_a_copy_and_the_end_of_it(engine, changed, owner):
    made = act(owner, changed, "duplicate").response["Location"]
    assert "Alpha (copy)" in owner.get(made).text
    owner.post(made.replace("/settings", "/actions/delete"))
    assert owner.get(made).status == 404


def test_one_that_ran_is_not_deleted(engine, owner):
    execution = engine.run(FINE)
    path = f"/workflows/{execution.workflow_id}"
    owner.post(f"{path}/actions/delete")
    assert "archive it instead" in owner.get(f"{path}/settings").text


def test_its_url_is_made_switched_and_taken_away(engine, changed, owner):
    act(owner, changed, "hook-make")
    path = f"/workflows/{changed.id}/settings"
    assert owner.get(path).all("#hook-url")
    act(owner, changed, "hook-switch")
    assert "switched off" in owner.get(path).text
    act(owner, changed, "hook-delete")
    with engine.scope():
        assert hook_find(changed) is None


ACTIONS = ("archive", "duplicate", "delete", "hook-make")


def test_who_may_not_change_sees_no_buttons_and_is_refused(
    engine, changed, member, looker, stranger
):
    operator = Visitor(member("operator"))
    for visitor in (operator, looker):
        assert not visitor.get(f"/workflows/{changed.id}/settings").buttons()
        assert visitor.post(f"/workflows/{changed.id}/settings").status == 403
        for action in ACTIONS:
            assert act(visitor, changed, action).status == 403
    for action in ACTIONS:
        assert act(stranger, changed, action).status == 404
    assert now(engine, changed).current_version.number == 2


def test_the_list_is_narrowed_by_tag(engine, owner):
    engine.workflow(FINE | {"name": "Alpha", "tags": ["money"]})
    engine.workflow(FINE | {"name": "Beta"})
    page = owner.get("/workflows?tag=money")
    assert [one.text for one in page.all("tbody a.strong")] == ["Alpha"]
    assert "has the tag" in owner.get("/workflows?tag=odd").text


def test_a_row_of_bars_shows_how_it_ran_lately(engine, owner):
    workflow = engine.workflow(FINE)
    engine.run(workflow)
    engine.start(workflow)
    (spark,) = owner.get("/workflows").all("svg.spark")
    states = [one.get("class") for one in spark.cssselect("rect")]
    assert states == ["completed", "queued"]
    assert spark.get("aria-label") == "1 of the last 2 completed"


def tags_of(page) -> list[str]:
    return [one.text for one in page.all("#tags a.tag")]


def test_tags_of_all_pages_are_offered(engine, owner, stranger):
    for number in range(3):
        tags = ["money", f"tag {number} <b>&"]
        engine.workflow(FINE | {"name": f"W{number}", "tags": tags})
    page = owner.get("/workflows?limit=1")
    assert tags_of(page) == ["money", *(f"tag {at} <b>&" for at in range(3))]
    (last,) = page.all("#tags a.tag")[-1:]
    assert len(owner.get(last.get("href")).all("tbody tr")) == 1
    assert tags_of(stranger.get("/workflows")) == []
    # Those of archived workflows stand beside these alone.
    act(owner, Workflow(id=page_id(owner)), "archive")
    assert "tag 0 <b>&" not in tags_of(owner.get("/workflows"))
    assert tags_of(owner.get("/workflows?archived=1")) == ["money", "tag 0 <b>&"]


def page_id(visitor) -> str:
    """The first workflow of the list."""
    return visitor.get("/workflows").all("tbody tr")[0].get("id").removeprefix("row-")


def test_of_many_tags_those_of_most_workflows_are_offered(engine, owner, monkeypatch):
    monkeypatch.setattr("apps.dashboard.selectors.workflows.TAGS_OFFERED", 2)
    for number in range(3):
        tags = ["z", "common", f"odd {number}"][: 2 + (number == 0)]
        engine.workflow(FINE | {"tags": tags})
    page = owner.get("/workflows")
    assert tags_of(page) == ["common", "z"]
    assert "the 2 most used" in page.text
    # The others are links in the rows that have them.
    assert page.all("tbody a[href='/workflows?tag=odd%200']")
