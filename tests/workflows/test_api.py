"""The endpoints of workflows, versions and step types."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.fixtures_cast import JsonClient, Person
from tests.workflows.documents import OVERDUE, step, with_steps, yaml

pytestmark = pytest.mark.django_db

URL = "/api/workflows"


def create(person: Person, *steps: Any, **more: Any) -> Any:
    document = with_steps(*(steps or [step()]))
    answer = person.client.post(URL, {"definition": document, **more})
    assert answer.status_code == 201, answer.content
    return answer.json()


def send_yaml(client: JsonClient, url: str, text: str) -> Any:
    return client.generic("POST", url, text, content_type="application/yaml")


def test_creates_and_shows_a_workflow(alice: Person) -> None:
    made = create(alice, name="Mine")
    shown = alice.client.get(f"{URL}/{made['id']}").json()
    assert shown == made
    assert (shown["name"], shown["version"], shown["is_archived"]) == ("Mine", 1, False)
    assert shown["definition"]["steps"] == [
        {"id": "sample_step", "type": "sample_step"}
    ]


def test_takes_a_definition_as_yaml(alice: Person) -> None:
    answer = send_yaml(alice.client, URL, OVERDUE)
    assert answer.status_code == 201
    assert answer.json()["name"] == "Overdue invoices"
    definition = answer.json()["definition"]
    assert list(definition) == list(yaml(OVERDUE))
    assert definition["steps"][1]["id"] == "loop"


def test_names_five_mistakes_by_path_and_line(alice: Person) -> None:
    text = (
        "name: Five\nsteps:\n"
        "  - {type: sample_stepp}\n"
        "  - {type: sample_step, params: {cuont: 1}}\n"
        "  - {type: sample_step, timeout: soon}\n"
        "  - {type: sample_step, retry: {max_attempts: -1}}\n"
        "  - {type: sample_step, params: {word: '{{ variables.none }}'}}\n"
    )
    answer = send_yaml(alice.client, URL, text)
    assert answer.status_code == 400
    found = answer.json()["errors"]
    assert [(error["path"], error["line"]) for error in found] == [
        ("steps[0].type", 3),
        ("steps[1].params.cuont", 4),
        ("steps[2].timeout", 5),
        ("steps[3].retry.max_attempts", 6),
        ("steps[4].params.word", 7),
    ]
    assert answer["Content-Type"] == "application/problem+json"
    assert alice.client.get(URL).json()["results"] == []


def test_validates_without_keeping_anything(alice: Person) -> None:
    url = f"{URL}/validate"
    good = alice.client.post(url, {"definition": with_steps(step())})
    assert (good.status_code, good.json()) == (200, {"valid": True})
    bad = alice.client.post(url, {"definition": with_steps(step("nothing"))})
    assert bad.status_code == 400
    assert [error["path"] for error in bad.json()["errors"]] == ["steps[0].type"]
    assert alice.client.get(URL).json()["results"] == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("null", "application/json", 400),
        ("[]", "application/json", 400),
        ('{"name": "a"}', "application/json", 400),
        ('{"definition": null}', "application/json", 400),
        ('{"definition": "steps: []"}', "application/json", 400),
        ('{"definition": {}, "is_staff": true}', "application/json", 400),
        ("a: b: c", "application/yaml", 400),
        ("", "application/yaml", 400),
        ("- 1", "application/yaml", 400),
        ("a: !!python/object:os.system {}", "application/yaml", 400),
        ("a: " + "[" * 3000, "application/yaml", 400),
        ('{"definition": ' + "[" * 3000, "application/json", 400),
        ('{"definition":' + '{"a":' * 900 + "1" + "}" * 901, "application/json", 400),
        ("x" * (10 * 1024 * 1024 + 1), "application/json", 413),
        ("x" * (10 * 1024 * 1024 + 1), "application/yaml", 413),
        ("steps", "text/plain", 415),
    ],
)
def test_refuses_bodies_that_are_no_definition(
    alice: Person, body: str, content_type: str, status: int
) -> None:
    answer = alice.client.generic("POST", URL, body, content_type=content_type)
    assert answer.status_code == status
    assert answer.json()["code"]


def nested(levels: int, body: str) -> str:
    opened = '{"type":"sample_group","steps":[' * levels
    return body % (opened + '{"type":"sample_step"}' + "]}" * levels)


@pytest.mark.parametrize("levels", [51, 2_000])
def test_refuses_blocks_nested_too_deep(alice: Person, levels: int) -> None:
    as_json = nested(levels, '{"definition":{"name":"a","steps":[%s]}}')
    as_yaml = nested(levels, '{"name":"a","steps":[%s]}')
    sent = [("application/json", as_json), ("application/yaml", as_yaml)]
    for content_type, body in sent:
        answer = alice.client.generic("POST", URL, body, content_type=content_type)
        assert answer.status_code == 400


def test_takes_fifty_levels_of_blocks(alice: Person) -> None:
    body = nested(50, '{"definition":{"name":"a","steps":[%s]}}')
    answer = alice.client.generic("POST", URL, body, content_type="application/json")
    assert answer.status_code == 201
    exported = alice.client.get(f"{URL}/{answer.json()['id']}/export").content.decode()
    answer = send_yaml(alice.client, f"{URL}/import?replace=true", exported)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


def test_a_change_makes_a_version(alice: Person) -> None:
    url = f"{URL}/{create(alice)['id']}"
    changed = alice.client.patch(
        url, {"definition": with_steps(step(), step()), "comment": "Twice"}
    ).json()
    assert changed["version"] == 2
    renamed = alice.client.patch(url, {"name": "New", "version": 2}).json()
    assert (renamed["name"], renamed["definition"]["name"]) == ("New", "New")
    versions = alice.client.get(f"{url}/versions").json()["results"]
    assert [v["number"] for v in versions] == [3, 2, 1]
    assert versions[1]["comment"] == "Twice"
    first = alice.client.get(f"{url}/versions/1").json()
    assert len(first["definition"]["steps"]) == 1


def test_refuses_a_change_of_an_outdated_version(alice: Person) -> None:
    url = f"{URL}/{create(alice)['id']}"
    answer = alice.client.patch(url, {"name": "New", "version": 7})
    assert (answer.status_code, answer.json()["code"]) == (409, "version_conflict")


def test_put_wants_a_definition(alice: Person) -> None:
    url = f"{URL}/{create(alice)['id']}"
    assert alice.client.put(url, {"name": "x"}).status_code == 400
    answer = alice.client.put(url, {"definition": with_steps(step(), step())})
    assert answer.json()["version"] == 2


def test_compares_and_restores_versions(alice: Person) -> None:
    url = f"{URL}/{create(alice)['id']}"
    alice.client.patch(url, {"definition": with_steps(step(), step())})
    found = alice.client.get(f"{url}/compare").json()
    assert (found["from"], found["to"]) == (1, 2)
    (change,) = found["changes"]
    assert (change["kind"], change["step"]) == ("added", "sample_step_2")
    back = alice.client.get(f"{url}/compare?from=2&to=1").json()["changes"]
    assert [c["kind"] for c in back] == ["removed"]
    restored = alice.client.post(f"{url}/versions/1/restore").json()
    assert (restored["version"], len(restored["definition"]["steps"])) == (3, 1)
    assert alice.client.get(f"{url}/compare?from=1&to=99").status_code == 404
    assert alice.client.get(f"{url}/compare?from=x").status_code == 400


@pytest.mark.parametrize("format_", ["yaml", "json"])
def test_an_export_comes_back_the_same(alice: Person, format_: str) -> None:
    made = send_yaml(alice.client, URL, OVERDUE).json()
    url = f"{URL}/{made['id']}"
    exported = alice.client.get(
        f"{url}/export?format={format_}", HTTP_ACCEPT="text/html"
    )
    assert exported["Content-Type"] == f"application/{format_}; charset=utf-8"
    assert f'filename="overdue-invoices.{format_}"' in exported["Content-Disposition"]
    answer = alice.client.generic(
        "POST",
        f"{URL}/import?replace=true",
        exported.content,
        content_type=f"application/{format_}",
    )
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


def test_imports_as_a_new_workflow_and_minds_names(alice: Person) -> None:
    url = f"{URL}/import"
    assert send_yaml(alice.client, url, OVERDUE).status_code == 201
    answer = send_yaml(alice.client, url, OVERDUE)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_duplicates_archives_and_deletes(alice: Person) -> None:
    url = f"{URL}/{create(alice)['id']}"
    copy = alice.client.post(f"{url}/duplicate", {"name": "Copy"})
    assert (copy.status_code, copy.json()["name"]) == (201, "Copy")
    assert alice.client.post(f"{url}/archive").json()["is_archived"]
    listed = alice.client.get(URL).json()["results"]
    assert [w["name"] for w in listed] == ["Copy"]
    assert len(alice.client.get(f"{URL}?archived=all").json()["results"]) == 2
    assert alice.client.patch(url, {"name": "x"}).status_code == 409
    assert not alice.client.post(f"{url}/unarchive").json()["is_archived"]
    assert alice.client.delete(url).status_code == 204
    assert alice.client.get(url).status_code == 404


def test_lists_by_search_tag_and_order(alice: Person) -> None:
    for name in ("Beta", "Alpha", "Gamma"):
        made = create(alice, name=name)
    alice.client.patch(f"{URL}/{made['id']}", {"tags": ["red"]})

    def names(query: str) -> list[str]:
        results = alice.client.get(f"{URL}?{query}").json()["results"]
        return [workflow["name"] for workflow in results]

    assert names("ordering=name") == ["Alpha", "Beta", "Gamma"]
    assert names("search=ALPH") == ["Alpha"]
    assert names("tag=red") == ["Gamma"]
    assert names("tag=blue") == []


@pytest.mark.parametrize(
    "query", ["ordering=password", "org__id=1", "limit=1000000000", "archived=maybe"]
)
def test_refuses_other_queries(alice: Person, query: str) -> None:
    assert alice.client.get(f"{URL}?{query}").status_code == 400


def test_lists_in_a_constant_number_of_queries(alice: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert alice.client.get(URL).status_code == 200
        return len(found)

    create(alice, name="One")
    queries()  # the first request of a sign-in may do more
    before = queries()
    for number in range(5):
        create(alice, name=f"W{number}")
    assert queries() == before


def endpoints(workflow_id: str) -> list[tuple[str, str, Any]]:
    """Every endpoint of one workflow, with a body that would be right."""
    url = f"{URL}/{workflow_id}"
    return [
        ("get", url, None),
        ("get", f"{url}/versions", None),
        ("get", f"{url}/versions/1", None),
        ("get", f"{url}/compare", None),
        ("get", f"{url}/export", None),
        ("patch", url, {"name": "Other"}),
        ("put", url, {"definition": with_steps(step(), step())}),
        ("post", f"{url}/versions/1/restore", {}),
        ("post", f"{url}/duplicate", {}),
        ("post", f"{url}/archive", {}),
        ("post", f"{url}/unarchive", {}),
        ("delete", url, None),
    ]


def test_a_stranger_finds_nothing(
    alice: Person, carol: Person, anonymous: JsonClient
) -> None:
    for method, url, body in endpoints(create(alice)["id"]):
        assert getattr(carol.client, method)(url, body).status_code == 404, url
        assert getattr(anonymous, method)(url, body).status_code == 401, url
    assert carol.client.get(URL).json()["results"] == []


def test_a_viewer_reads_and_changes_nothing(alice: Person, bob: Person) -> None:
    for method, url, body in endpoints(create(alice)["id"]):
        expected = 200 if method == "get" else 403
        assert getattr(bob.client, method)(url, body).status_code == expected, url
    definition = with_steps(step())
    assert bob.client.post(URL, {"definition": definition}).status_code == 403
    assert bob.client.post(f"{URL}/import", definition).status_code == 403
    sent = {"definition": definition}
    assert bob.client.post(f"{URL}/validate", sent).status_code == 200


def test_an_editor_changes_and_an_operator_does_not(member: Any) -> None:
    made = create(member("editor"))
    operator = member("operator")
    url = f"{URL}/{made['id']}"
    assert operator.client.get(url).status_code == 200
    assert operator.client.patch(url, {"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "tail", ["0", "-1", "1e3", "true", "{01890a5d-ac96-774b-bcce-b302099a8057}"]
)
def test_other_ids_are_not_found(alice: Person, tail: str) -> None:
    assert alice.client.get(f"{URL}/{tail}").status_code == 404


def test_describes_the_step_types(bob: Person, anonymous: JsonClient) -> None:
    answer = bob.client.get("/api/step-types").json()
    assert answer["next"] is None
    found = {kind["name"]: kind for kind in answer["results"]}
    assert found["loop"]["is_block"]
    assert found["set_variable"]["group"] == "logic"
    assert "name" in found["set_variable"]["schema"]["properties"]
    one = bob.client.get("/api/step-types/call_workflow").json()
    assert (one["effect"], one["on_crash"]) == ("write", "retry")
    assert anonymous.get("/api/step-types").status_code == 401


def test_names_near_misses_of_an_unknown_step_type(bob: Person) -> None:
    answer = bob.client.get("/api/step-types/lop")
    assert answer.status_code == 404
    assert "loop" in answer.json()["detail"]


def test_publishes_the_schema_of_definitions(bob: Person) -> None:
    schema = bob.client.get("/api/definition-schema").json()
    assert "loop" in schema["$defs"]["Step"]["properties"]["type"]["enum"]
