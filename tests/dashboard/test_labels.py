"""Labels on the pages: chips that filter, the filter itself, the form that runs."""

import json
import re
import shlex

import pytest

from apps.core import tenancy
from apps.dashboard.models import SavedFilter
from apps.executions import search
from apps.executions.models import Execution
from tests.dashboard.documents import ASKS, FINE
from tests.dashboard.test_filters import bulk, ids

pytestmark = pytest.mark.django_db(transaction=True)

EVIL = '<script>alert(1)</script> & "x"'


def hrefs(page, selector: str) -> list[str]:
    return [one.get("href") for one in page.all(selector)]


def test_chips_in_the_list_lead_to_executions_that_have_the_label(engine, owner):
    workflow = engine.workflow(FINE)
    one = engine.run(workflow, labels={"team": EVIL})
    engine.run(workflow, labels={"team": "sales"})
    page = owner.get("/executions")
    assert "<script>alert" not in page.response.content.decode()
    (href,) = hrefs(page, f"#row-{one.id} .labels a")
    found = owner.get(href)
    assert ids(found) == [str(one.id)]
    (chip,) = found.all(f"#row-{one.id} .labels a.is-on")
    assert chip.text == f"team:{EVIL}"


def test_a_chip_narrows_what_is_shown(engine, owner):
    workflow = engine.workflow(FINE)
    labels = {"a": "1", "b": "2"}
    one = engine.run(workflow, labels=labels)
    query = f"state=completed&workflow={workflow.id}&label=a%3A1"
    on, off = hrefs(owner.get(f"/executions?{query}"), f"#row-{one.id} .labels a")
    assert (on, off) == (f"/executions?{query}", f"/executions?{query}&label=b%3A2")
    runs = owner.get(f"/workflows/{workflow.id}/runs")
    (first, _) = hrefs(runs, f"#row-{one.id} .labels a")
    assert first == f"/executions?workflow={workflow.id}&label=a%3A1"
    assert ids(owner.get(first)) == [str(one.id)]


def test_many_labels_are_cut_short_in_the_list_and_whole_on_the_page(engine, owner):
    execution = engine.run(FINE, labels={f"k{n}": "x" for n in range(6)})
    row = owner.get("/executions").all(f"#row-{execution.id} .labels a")
    assert [one.text for one in row] == ["k0:x", "k1:x", "k2:x", "k3:x", "2 more"]
    for path in (f"/workflows/{execution.workflow_id}", "/"):
        assert owner.get(path).status == 200
    page = owner.get(f"/executions/{execution.id}")
    assert [one.text for one in page.all(".head .labels a")][5] == "k5:x"


def test_the_filter_takes_several_labels_and_lets_go_of_each(engine, owner):
    workflow = engine.workflow(FINE)
    both = engine.run(workflow, labels={"a": "1", "b": "2"})
    one = engine.run(workflow, labels={"a": "1"})
    assert ids(owner.get("/executions?label=a")) == [str(one.id), str(both.id)]
    page = owner.get("/executions?label=a&label=+b+:+2+&label=")
    assert ids(page) == [str(both.id)]
    kept = page.all("form.filters input[type=hidden][name=label]")
    assert [one.get("value") for one in kept] == ["a", "b:2"]
    assert hrefs(page, "form.filters .labels a") == [
        "/executions?label=b%3A2",
        "/executions?label=a",
    ]
    assert "No execution fits" in owner.get("/executions?label=c").text


def test_live_rows_are_asked_for_with_the_label(engine, owner):
    workflow = engine.workflow(FINE)
    engine.run(workflow)
    page = owner.get("/executions?label=a:1")
    wanted = engine.run(workflow, labels={"a": "1"})
    (live,) = page.all("#rows[hx-get]")
    part = owner.part(live.get("hx-get"), "rows")
    assert [row.get("id") for row in part.all("tr[id]")] == [f"row-{wanted.id}"]


def test_older_pages_keep_the_labels(engine, owner, monkeypatch):
    monkeypatch.setattr(search, "WINDOW", 2)
    workflow = engine.workflow(FINE)
    wanted = engine.start(workflow, labels={"a": "1", "b": "2"})
    for _ in range(3):
        engine.start(workflow, labels={"a": "1"})
    (further,) = hrefs(owner.get("/executions?label=a&label=b:2"), "a[rel=next]")
    assert ids(owner.get(further)) == [str(wanted.id)]


def test_labels_are_kept_in_saved_filters_and_after_many_were_done(
    engine, owner, alice
):
    query = "state=failed&label=a%3A1&label=b"
    answer = owner.post("/executions/filters", name="mine", query=query).response
    assert answer["Location"] == f"/executions?{query}"
    with tenancy.tenant(alice.organization_id):
        assert SavedFilter.objects.get().query == query
    page = owner.get(f"/executions?{query}")
    assert hrefs(page, ".saved a[aria-current]") == [f"/executions?{query}"]
    execution = engine.start(FINE)
    assert bulk(owner, "cancel", execution, query=query)["Location"].endswith(query)


def test_a_filter_that_is_too_long_is_not_kept_in_part(owner, alice):
    query = "&".join(f"label=k{n}:{'x' * 200}" for n in range(10))
    owner.post("/executions/filters", name="mine", query=query)
    assert "too long to be kept" in owner.get("/executions").text
    with tenancy.tenant(alice.organization_id):
        assert not SavedFilter.objects.exists()


def test_labels_that_cannot_be_are_refused(owner):
    for query in ("label=:x", f"label={'x' * 65}", "label=%00", "label=a:%00"):
        assert owner.get(f"/executions?{query}").status == 400, query
        data = {"name": "x", "query": query}
        assert owner.post("/executions/filters", **data).status == 400, query


def test_the_run_form_gives_labels(engine, owner):
    workflow = engine.workflow({**FINE, "labels": {"team": "finance", "env": "test"}})
    labels = "env: live\r\nurl: http://x:1"
    owner.post(f"/workflows/{workflow.id}/run", labels=labels)
    with engine.scope():
        execution = Execution.objects.get()
    assert execution.labels == {
        **{"team": "finance", "env": "live"},
        "url": "http://x:1",
    }


def test_labels_that_the_form_refuses_stand_there_again(engine, owner):
    workflow = engine.workflow(ASKS)
    data = {"labels": "no colon", "input.customer": "Ann"}
    page = owner.post(f"/workflows/{workflow.id}/run", **data)
    assert page.status == 400
    assert "must be lines such as team: finance" in page.all("#run .note")[0].text
    (field,) = page.all("#run details[open] textarea[name=labels]")
    assert field.text.strip() == "no colon"
    with engine.scope():
        assert not Execution.objects.exists()


def test_the_curl_command_has_the_labels(engine, owner):
    execution = engine.run(FINE, labels={"team": "it's"})
    (command,) = owner.get(f"/executions/{execution.id}").all("#curl-text")
    words = shlex.split(re.sub(r"\\\n", "", command.text.strip()))
    assert json.loads(words[words.index("-d") + 1])["labels"] == {"team": "it's"}
