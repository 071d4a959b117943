"""Labels of executions: where they come from, where they are shown, finding by them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.errors import Invalid
from apps.executions import search
from apps.executions.labels import read_lines
from apps.executions.models import Execution
from apps.executions.retries import execution_retry
from apps.executions.services import execution_start
from tests.executions.documents import NAMED, broken, doc, put, refused
from tests.executions.test_api import execute_url
from tests.executions.test_lists_api import follow
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
OWN = {"team": "finance", "env": "test"}


# --- where they come from ----------------------------------------------------------


def test_an_execution_has_its_versions_labels_and_on_top_those_given(
    engine: Engine, alice: Person
) -> None:
    sent = {"labels": {"env": "live", "Auftrag": "Blüm & <Co> {{ x }}"}}
    answer = alice.client.post(execute_url(alice, doc(labels=OWN)), sent)
    assert answer.status_code == 202
    expected = {"team": "finance", **sent["labels"]}
    assert answer.json()["labels"] == expected
    assert alice.client.get(answer["Location"]).json()["labels"] == expected
    (row,) = alice.client.get("/api/executions").json()["results"]
    assert row["labels"] == expected


def test_without_any_it_has_those_of_its_version(engine: Engine) -> None:
    assert engine.start(doc(labels=OWN)).labels == OWN
    assert engine.now(engine.start(doc())).labels == {}


def test_a_retry_keeps_its_originals_labels(engine: Engine) -> None:
    failed = engine.run(doc(broken("a"), labels=OWN), labels={"env": "live"})
    with engine.scope():
        again = execution_retry(execution=failed, by=engine.viewer, from_="start")
    assert engine.now(again).labels == {"team": "finance", "env": "live"}


@pytest.mark.parametrize(
    ("labels", "paths"),
    [
        ([], ["labels"]),
        ("team", ["labels"]),
        (None, ["labels"]),
        ({"team": 5}, ["labels.team"]),
        ({"team": None}, ["labels.team"]),
        ({"team": {"a": "b"}}, ["labels.team"]),
        ({"": "x"}, ["labels['']"]),
        ({"a:b": "x"}, ["labels['a:b']"]),
        ({"a=b": "x"}, ["labels['a=b']"]),
        ({" a": "x"}, ["labels[' a']"]),
        ({"a\nb": "x"}, ["labels['a\\nb']"]),
        ({"k" * 65: "x"}, [f"labels.{'k' * 65}"]),
        ({"a": "x" * 201}, ["labels.a"]),
        ({"a": "x\ny"}, ["labels.a"]),
        ({"a": "\u202ex", "b": " x"}, ["labels.a", "labels.b"]),
        ({f"k{n}": "x" for n in range(51)}, ["labels"]),
        # With the two of the workflow they are too many.
        ({f"k{n}": "x" for n in range(49)}, ["labels"]),
    ],
)
def test_what_cannot_be_a_label_is_refused_where_it_stands(
    alice: Person, labels: Any, paths: list[str]
) -> None:
    url = execute_url(alice, doc(labels=OWN))
    assert refused(alice.client.post(url, {"labels": labels})) == paths
    assert alice.client.get("/api/executions").json()["results"] == []


@pytest.mark.parametrize(
    "labels",
    [{"a:b": "x"}, {"a": "x" * 201}, {"a": "{{ inputs.x }}"}, {"a": " x"}, {"a": 1}],
)
def test_a_definition_is_bound_by_the_same_rules(alice: Person, labels: Any) -> None:
    definition = {"name": "w", **doc(labels=labels)}
    (path,) = refused(alice.client.post("/api/workflows", {"definition": definition}))
    assert path.startswith("labels")


def test_accepting_with_labels_is_still_one_statement(engine: Engine) -> None:
    workflow = engine.workflow(doc(labels=OWN))
    engine.start(workflow)  # the definition is in memory now
    with CaptureQueriesContext(connection) as captured:
        execution_start(workflow=workflow, labels={"a": "b"}, trigger="schedule")
    inserts = [one["sql"] for one in captured if "INSERT" in one["sql"]]
    assert len(inserts) == 1
    assert "executions_execution" in inserts[0]
    assert not [
        one for one in captured if "labels" in one["sql"] and one["sql"][0] == "S"
    ]


def test_the_command_line_takes_labels(engine: Engine, tmp_path: Any) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(
        "name: w\nsteps: [{type: set_variable, params: {name: a, value: 1}}]"
    )
    more = {"organization": _slug(engine)}
    call_command("run", str(file), local=True, label=["team=a=b", "x="], **more)
    with engine.scope():
        assert Execution.objects.get().labels == {"team": "a=b", "x": ""}
    with pytest.raises(CommandError, match="--label takes NAME=VALUE"):
        call_command("run", str(file), label=["team"], **more)
    with pytest.raises(CommandError, match=r"labels\['a:b'\]"):
        call_command("run", str(file), label=["a:b=c"], **more)


def _slug(engine: Engine) -> str:
    from apps.accounts.models import Organization

    with engine.scope():
        return Organization.objects.get(id=engine.viewer.organization_id).slug


def test_lines_are_read_as_people_write_them() -> None:
    assert read_lines(" team: finance \n\nurl:http://x:1\nempty:") == {
        "team": "finance",
        "url": "http://x:1",
        "empty": "",
    }
    for text in ("team", ": x", "a=b: x"):
        with pytest.raises(Invalid):
            read_lines(text)


# --- finding by them ---------------------------------------------------------------


def ids(person: Person, query: str) -> list[str]:
    rows = follow(person.client, f"/api/executions?{query}")
    return [row["id"] for row in rows]


def test_the_list_is_filtered_by_labels(
    engine: Engine, alice: Person, carol: Person
) -> None:
    workflow = engine.workflow(doc(put("a", 1)))
    one = engine.start(workflow, labels={"team": "finance", "env": "live"})
    other = engine.start(workflow, labels={"team": "finance: a"})
    engine.start(workflow)
    both, first, second = [str(other.id), str(one.id)], [str(one.id)], [str(other.id)]
    assert ids(alice, "label=team") == both
    assert ids(alice, "label=team&limit=1") == both
    assert ids(alice, "label=team:finance") == first
    assert ids(alice, "label=team:finance:%20a") == second
    assert ids(alice, "label=team&label=env:live&status=queued,running") == first
    assert ids(alice, "label=env:live&label=env:test") == []
    assert ids(alice, f"label=team&workflow={workflow.id}&trigger=api") == both
    assert ids(carol, "label=team") == []


def test_labels_narrow_the_children_of_one_execution_in_any_order(
    engine: Engine, alice: Person
) -> None:
    workflow = engine.workflow(doc())
    parent = engine.start(workflow)
    found = [engine.start(workflow, labels={"n": n}) for n in "ab"]
    with engine.scope():
        own = Execution.objects.filter(id__in=[one.id for one in found])
        own.update(parent_id=parent.id)
    query = f"parent={parent.id}&ordering=queued_at&limit=1"
    assert ids(alice, f"{query}&label=n") == [str(one.id) for one in found]
    assert ids(alice, f"{query}&label=n:b") == [str(found[1].id)]


def test_a_search_is_in_one_order_only(alice: Person) -> None:
    for query in ("label=a", "text=a", "shortest_ms=1"):
        answer = alice.client.get(f"/api/executions?{query}&ordering=queued_at")
        assert refused(answer) == ["ordering"]


def test_the_list_is_searched_by_the_other_filters_of_the_pages(
    engine: Engine, alice: Person, bob: Person
) -> None:
    one, other = engine.run(NAMED, inputs={"customer": "Ann"}), engine.run(doc())
    with engine.scope():
        rows = Execution.objects.filter(id=one.id)
        rows.update(triggered_by=bob.user.id, started_at=F("finished_at") - MINUTE)
    hour_ago = f"{timezone.now() - 60 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
    for query in (f"user={bob.user.id}", "shortest_ms=59000", "text=ann"):
        assert ids(alice, query) == [str(one.id)], query
    assert ids(alice, "longest_ms=59000") == [str(other.id)]
    for more in ("", "&ordering=-queued_at", "&label=x"):
        within = [] if "label" in more else [str(other.id), str(one.id)]
        assert ids(alice, f"since={hour_ago}{more}") == within
        assert ids(alice, f"until={hour_ago}{more}") == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        *(("user=x", "user"), ("since=yesterday", "since"), ("until=", "until")),
        *(("shortest_ms=-1", "shortest_ms"), ("longest_ms=1e99", "longest_ms")),
        *(("text=%00", "text"), (f"text={'x' * 201}", "text")),
    ],
)
def test_refuses_what_cannot_be_looked_for(
    alice: Person, query: str, path: str
) -> None:
    assert refused(alice.client.get(f"/api/executions?{query}")) == [path]


@pytest.mark.parametrize(
    "query",
    [
        *("label=", "label=:x", "label=%00", "label=a&label=%00:x"),
        *(f"label={'x' * 65}", f"label=a:{'x' * 201}", "label=a%ED%A0%80%00"),
        "&".join(f"label=k{n}" for n in range(11)),
    ],
)
def test_refuses_what_is_no_label(alice: Person, query: str) -> None:
    assert refused(alice.client.get(f"/api/executions?{query}")) == ["label"]


def test_a_cursor_of_another_list_is_refused(alice: Person) -> None:
    answer = alice.client.get("/api/executions?label=team&cursor=x")
    assert refused(answer) == ["cursor"]


def test_a_label_is_looked_for_in_bounded_windows(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WINDOW", 2)
    workflow = engine.workflow(doc())
    wanted = engine.start(workflow, labels={"team": "finance"})
    for _ in range(3):
        engine.start(workflow)
    page = alice.client.get("/api/executions?label=team").json()
    assert page["results"] == []
    assert "label=team" in page["next"]
    assert ids(alice, "label=team") == [str(wanted.id)]
