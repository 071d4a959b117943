"""The YAML that authors wrote: kept with its comments, and never misleading."""

from typing import Any

import pytest

from apps.workflows.definition.parser import parse
from apps.workflows.definition.source import kept_source
from tests.fixtures_cast import JsonClient, Person
from tests.workflows.documents import yaml

URL = "/api/workflows"
TEXT = """\
# Head
name: Mine  # the name
steps:
  - type: sample_step  # first
  - {type: sample_step}
"""


def kept(text: str, **change: Any) -> str:
    return kept_source(text, parse({**yaml(text), **change}).document)


def test_ids_that_were_made_are_written_into_the_text() -> None:
    assert kept(TEXT) == (
        "# Head\nname: Mine  # the name\nsteps:\n"
        "  - id: sample_step\n    type: sample_step  # first\n"
        "  - {id: sample_step_2, type: sample_step}\n"
    )


def test_a_text_with_all_ids_stays_as_it_is() -> None:
    text = kept(TEXT)
    assert kept(text) == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Mine  # x", '"Other"  # x'),
        ("'Mine'", '"Other"'),
        ('"Mine # 1"', '"Other"'),
    ],
)
def test_a_name_given_from_outside_is_written_into_the_text(old: str, new: str) -> None:
    text = f"name: {old}\nsteps:\n  - id: x\n    type: sample_step\n"
    assert (
        kept(text, name="Other")
        == f"name: {new}\nsteps:\n  - id: x\n    type: sample_step\n"
    )


def test_a_text_that_means_something_else_is_not_kept() -> None:
    assert (
        kept_source(
            TEXT,
            parse(yaml("name: b\nsteps:\n  - id: x\n    type: sample_step\n")).document,
        )
        == ""
    )
    shared = "name: a\nsteps:\n  - &x {type: sample_step}\n  - *x\n"
    assert kept(shared) == ""


def send(client: JsonClient, method: str, url: str, text: str) -> Any:
    return client.generic(method, url, text, content_type="application/yaml")


@pytest.mark.django_db
def test_a_changed_comment_is_a_version(alice: Person) -> None:
    made = send(alice.client, "POST", URL, TEXT).json()
    assert made["source"] == kept(TEXT)
    url = f"{URL}/{made['id']}"
    changed = kept(TEXT).replace("# Head", "# Other head")
    saved = send(alice.client, "PATCH", f"{url}?version=1", changed).json()
    assert (saved["version"], saved["source"]) == (2, changed)
    assert send(alice.client, "PATCH", url, changed).json()["version"] == 2
    assert alice.client.get(f"{url}/versions/1").json()["source"] == kept(TEXT)


@pytest.mark.django_db
def test_yaml_names_the_version_it_changes_and_a_comment(alice: Person) -> None:
    made = send(alice.client, "POST", URL, TEXT).json()
    url = f"{URL}/{made['id']}"
    other = TEXT + "  - type: sample_step\n"
    assert send(alice.client, "PATCH", f"{url}?comment=why", other).status_code == 200
    assert alice.client.get(f"{url}/versions/2").json()["comment"] == "why"
    refused = send(alice.client, "PATCH", f"{url}?version=1", TEXT)
    assert (refused.status_code, refused.json()["code"]) == (409, "version_conflict")
    assert send(alice.client, "PATCH", f"{url}?verson=1", TEXT).status_code == 400


@pytest.mark.django_db
def test_renaming_restoring_and_copying_keep_the_comments(alice: Person) -> None:
    made = send(alice.client, "POST", URL, TEXT).json()
    url = f"{URL}/{made['id']}"
    renamed = alice.client.patch(url, {"name": "New"}).json()
    assert 'name: "New"  # the name' in renamed["source"]
    alice.client.patch(url, {"definition": {"steps": [{"type": "sample_step"}]}})
    restored = alice.client.post(f"{url}/versions/1/restore").json()
    assert restored["source"] == renamed["source"]
    copy = alice.client.post(f"{url}/duplicate", {}).json()
    assert "# first" in copy["source"]


@pytest.mark.django_db
def test_a_definition_sent_as_json_has_no_source(alice: Person) -> None:
    made = send(alice.client, "POST", URL, TEXT).json()
    url = f"{URL}/{made['id']}"
    changed = alice.client.patch(
        url, {"definition": {"name": "Mine", "steps": [{"type": "sample_step"}]}}
    )
    assert changed.json()["source"] == ""
