"""The parts of an execution's page: its log, a step, the retry form, curl."""

import json
import shlex

import pytest

from apps.core import tenancy
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.models import Execution
from apps.steps.browser.evidence.collecting import Piece
from tests.dashboard.documents import ASKS, FAILS, FINE, LOOP

pytestmark = pytest.mark.django_db(transaction=True)

TRIES = {
    "steps": [
        {
            "id": "look",
            "type": "read_file",
            "params": {"path": "no/such.txt"},
            "retry": {"max_attempts": 2, "delay": 0},
        }
    ]
}


def lines(page) -> list[tuple[str, str]]:
    found = page.all(".log li")
    return [(one.get("class"), " ".join(one.text_content().split())) for one in found]


def test_the_log_tells_each_attempt_with_its_level(engine, owner):
    page = owner.get(f"/executions/{engine.run(TRIES).id}/logs")
    found = lines(page)
    assert [level for level, _ in found] == ["info", "warning", "error", "error"]
    assert "tried again" in found[1][1]
    assert "attempt 2: failed" in found[2][1]


def test_the_log_is_filtered_and_downloaded_by_level(engine, owner):
    path = f"/executions/{engine.run(TRIES).id}/logs"
    for level, count in (("info", 4), ("warning", 3), ("error", 2)):
        assert len(lines(owner.get(f"{path}?level={level}"))) == count
        answer = owner.client.get(f"{path}.txt?level={level}")
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert answer["Content-Disposition"].startswith("attachment")
        assert len(answer.content.decode().splitlines()) == count
    assert owner.get(f"{path}?level=odd").status == 400
    assert owner.get(f"{path}.txt?level=odd").status == 400


def test_a_long_log_shows_its_end(engine, owner, monkeypatch):
    monkeypatch.setattr("apps.dashboard.logs.SHOWN", 3)
    execution = engine.run(LOOP)
    page = owner.get(f"/executions/{execution.id}/logs")
    assert "The download has all of them" in page.text
    assert len(lines(page)) == 3
    text = owner.client.get(f"/executions/{execution.id}/logs.txt").content.decode()
    assert len(text.splitlines()) == 6


def test_an_open_execution_keeps_its_log_live(engine, owner):
    execution = engine.start(FINE)
    path = f"/executions/{execution.id}/logs"
    assert owner.get(path).all("#log[data-live][data-hears]")
    assert owner.part(path, "log").status == 200
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="cancelled")
    assert owner.part(path, "log").status == 286


def test_a_step_shows_its_attempts_output_and_parameters(engine, owner):
    page = owner.get(f"/executions/{engine.run(TRIES).id}/step?path=look")
    assert len(page.all(".attempt .note")) == 2
    assert "no/such.txt" in page.all("[aria-label=Parameters]")[0].text
    page = owner.get(f"/executions/{engine.run(LOOP).id}/step?path=rows[1].mark")
    assert page.all("[aria-label=Output]")


def test_a_step_shows_its_evidence_in_place(engine, owner):
    execution = engine.run(FAILS)
    store = ArtifactStore(execution.organization_id, execution.id, "look")
    picture = Piece("screenshot", "<script>.png", b"png", "image/png")
    kept = store.keep([picture], attempt=1)
    page = owner.part(f"/executions/{execution.id}/step?path=look", "step")
    (image,) = page.all("img.shot")
    assert image.get("src").endswith(kept["screenshot"]["artifact"])
    assert b"<html" not in page.response.content
    assert b"<script>.png" not in page.response.content


def test_a_step_that_is_not_there_is_not_found(engine, owner):
    path = f"/executions/{engine.run(FINE).id}/step"
    assert owner.get(f"{path}?path=odd").status == 404
    assert owner.get(f"{path}?path=a%00b").status == 404


def preview(visitor, execution, **query) -> str:
    path = f"/executions/{execution.id}/retry/preview"
    return visitor.client.get(path, query).content.decode()


def test_the_preview_says_how_many_steps_are_reused(engine, owner):
    failed = engine.run(FAILS)
    steps = [{**FINE["steps"][0], "id": name} for name in ("a", "b", "end")]
    done = engine.run({"steps": steps})
    assert "Reuses 1 recorded step<" in preview(owner, failed)
    assert "Reuses no recorded step" in preview(owner, failed, **{"from": "start"})
    assert "Reuses 2 recorded steps<" in preview(owner, done, **{"from": "end"})
    assert "no step with the path" in preview(owner, done, **{"from": "odd"})
    with engine.scope():
        assert Execution.objects.count() == 2


def test_the_preview_knows_the_current_version(engine, owner):
    failed = engine.run(FAILS)
    with engine.scope():
        from apps.workflows.services import workflow_update

        first = {"id": "new", "type": "set_variable"}
        first["params"] = {"name": "b", "value": 2}
        changed = {"name": failed.workflow.name, "steps": [first, *FAILS["steps"]]}
        workflow_update(workflow=failed.workflow, by=engine.viewer, document=changed)
    assert "Reuses 1 recorded step<" in preview(owner, failed, version="same")
    assert "Reuses no recorded" in preview(owner, failed, version="current")


def test_any_step_may_be_the_start_and_inputs_are_edited(engine, owner):
    steps = [*ASKS["steps"], *FAILS["steps"][1:]]
    failed = engine.run(ASKS | {"steps": steps}, inputs={"customer": "42"})
    page = owner.get(f"/executions/{failed.id}/retry")
    options = [one.get("value") for one in page.all("#retry-from option")]
    assert options == ["failed", "start", "greet", "look"]
    assert page.all("#retry-input-customer")[0].get("value") == "42"
    data = {"from": "look", "version": "same", "edit": "1"}
    data |= {"input.customer": "43", "input.count": "5", "input.color": "red"}
    owner.post(f"/executions/{failed.id}/retry", **data)
    with engine.scope():
        again = Execution.objects.get(retry_of=failed.id)
    assert again.inputs == {"customer": "43", "count": 5, "color": "red"}
    assert again.reused_steps == 1


def test_wrong_inputs_come_back_at_their_fields(engine, owner):
    done = engine.run(ASKS, inputs={"customer": "42"})
    data = {"from": "start", "edit": "1", "input.customer": "x", "input.count": "many"}
    page = owner.post(f"/executions/{done.id}/retry", **data)
    assert page.status == 400
    assert page.all("#retry-about-count .bad")
    with engine.scope():
        assert Execution.objects.count() == 1


def test_inputs_with_secrets_are_not_edited(engine, owner):
    done = engine.run(ASKS, inputs={"customer": "42"})
    with tenancy.tenant(done.organization_id):
        Execution.objects.filter(id=done.id).update(has_masked_inputs=True)
    page = owner.get(f"/executions/{done.id}/retry")
    assert not page.all("[name=edit]")
    assert "came with secrets" in page.text


def test_the_command_to_copy_is_one_that_a_shell_understands(engine, owner):
    done = engine.run(ASKS, inputs={"customer": "it's; $(rm) `x`"})
    page = owner.get(f"/executions/{done.id}")
    words = shlex.split(page.all("#curl-text")[0].text.replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    assert words[3].endswith(f"/api/workflows/{done.workflow_id}/execute")
    sent = json.loads(words[words.index("-d") + 1])
    assert sent["inputs"]["customer"] == "it's; $(rm) `x`"


def test_retries_are_linked_from_what_they_retry(engine, owner):
    failed = engine.run(FAILS)
    owner.post(f"/executions/{failed.id}/retry", **{"from": "failed"})
    with engine.scope():
        again = Execution.objects.get(retry_of=failed.id)
    page = owner.get(f"/executions/{failed.id}")
    assert f"/executions/{again.id}" in {one.get("href") for one in page.all("a")}


def test_viewers_see_neither_retry_nor_its_preview(engine, looker, stranger, nobody):
    failed = engine.run(FAILS)
    page = looker.get(f"/executions/{failed.id}")
    assert not page.all("[data-retry], #retry, #curl")
    for tail in ("retry", "retry/preview"):
        path = f"/executions/{failed.id}/{tail}"
        assert looker.get(path).status == 403
        assert stranger.get(path).status == 404
        assert nobody.get(path).status == 302


def test_other_organizations_do_not_see_the_parts(engine, looker, stranger):
    execution = engine.run(FAILS)
    for tail in ("logs", "logs.txt", "artifacts", "step?path=look"):
        path = f"/executions/{execution.id}/{tail}"
        assert looker.client.get(path).status_code == 200
        assert stranger.client.get(path).status_code == 404


def test_a_long_list_of_steps_stands_around_the_failure(engine, owner, monkeypatch):
    monkeypatch.setattr("apps.dashboard.selectors.retry_points.STEPS_LISTED", 4)
    steps = [{**FINE["steps"][0], "id": f"s{number}"} for number in range(6)]
    more = [{**FINE["steps"][0], "id": f"t{number}"} for number in range(3)]
    failed = engine.run({"steps": [*steps, FAILS["steps"][1]], "finally": more})
    page = owner.get(f"/executions/{failed.id}/retry")
    options = [one.get("value") for one in page.all("#retry-from optgroup option")]
    assert options == ["s4", "s5", "look", "t0"]
    assert "6 more are recorded" in page.all("#retry-about-path")[0].text_content()
    # So stands the end of one that did not fail.
    done = engine.run({"steps": steps})
    page = owner.get(f"/executions/{done.id}/retry")
    options = [one.get("value") for one in page.all("#retry-from optgroup option")]
    assert options == ["s2", "s3", "s4", "s5"]


def test_a_step_that_is_not_listed_is_named_by_its_path(engine, owner, monkeypatch):
    monkeypatch.setattr("apps.dashboard.selectors.retry_points.STEPS_LISTED", 2)
    failed = engine.run({"steps": [*LOOP["steps"], FAILS["steps"][1]]})
    assert "no step with the path" in preview(owner, failed, path="rows[7].mark")
    assert "Reuses 2 recorded steps<" in preview(owner, failed, path=" rows[1].mark ")
    path = f"/executions/{failed.id}/retry"
    page = owner.post(
        path, **{"from": "look", "path": "rows[7].<b>", "version": "same"}
    )
    assert page.status == 400
    (field,) = page.all("#retry-path[aria-invalid]")
    assert field.get("value") == "rows[7].<b>"
    assert "no step with the path" in page.all("#retry-about-path .bad")[0].text
    assert page.all("#retry-from option[selected]")[0].get("value") == "look"
    owner.post(path, **{"from": "look", "path": "rows[1].mark", "version": "same"})
    with engine.scope():
        again = Execution.objects.get(retry_of=failed.id)
    assert again.reused_steps == 2


def test_an_unusable_path_is_refused_in_words(engine, owner):
    failed = engine.run(FAILS)
    for bad in ("a\0b", "x" * 2_001):
        assert "characters at most" in preview(owner, failed, path=bad)
        assert owner.post(f"/executions/{failed.id}/retry", path=bad).status == 400


def test_what_was_typed_into_the_inputs_is_still_there(engine, owner):
    done = engine.run(ASKS, inputs={"customer": "42"})
    data = {"from": "start", "edit": "1", "input.customer": "x", "input.count": "many"}
    page = owner.post(f"/executions/{done.id}/retry", **data)
    values = [
        page.all(f"#retry-input-{n}")[0].get("value") for n in ("customer", "count")
    ]
    assert values == ["x", "many"]


def test_many_artifacts_are_all_there_page_by_page(engine, owner, looker, monkeypatch):
    monkeypatch.setattr("apps.dashboard.selectors.execution.ARTIFACTS_SHOWN", 2)
    execution = engine.run(LOOP)
    store = ArtifactStore(execution.organization_id, execution.id, "rows[0].mark")
    for number in range(5):
        piece = Piece("screenshot", f"{number}.png", b"png", "image/png")
        store.keep([piece], attempt=number + 1)
    page = owner.get(f"/executions/{execution.id}")
    assert [one.text for one in page.all(".artifacts .link")] == ["3.png", "4.png"]
    (more,) = [one for one in page.all("a.more") if "3 earlier ones" in one.text]
    first = looker.get(f"{more.get('href')}?limit=3")
    assert [one.text for one in first.all(".artifacts .link")] == [
        f"{number}.png" for number in range(3)
    ]
    assert len(first.all(".artifacts img.shot")) == 3
    rest = looker.get(first.all("a[rel=next]")[0].get("href"))
    assert [one.text for one in rest.all(".artifacts .link")] == ["3.png", "4.png"]
