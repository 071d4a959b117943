"""The editor's pages: who gets them, and what stands on them."""

import uuid

import pytest
from django.test import Client

from apps.accounts.roles import Role
from tests.dashboard.conftest import Visitor
from tests.dashboard.documents import FINE

pytestmark = pytest.mark.django_db(transaction=True)

COMMENTED = """\
# Why we do this
name: Commented
steps:
  - type: set_variable   # an id is made here
    params: {name: a, value: 1}
"""


def made(person, text=COMMENTED):
    answer = person.client.generic(
        "POST", "/api/workflows", text, content_type="application/yaml"
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def path_of(workflow) -> str:
    return f"/workflows/{workflow['id']}/edit"


def test_the_editor_shows_what_the_author_wrote(alice, owner):
    page = owner.get(path_of(made(alice)))
    text = page.all("#definition")[0].text_content()
    assert text.lstrip("\n").startswith("# Why we do this\n")
    assert "- id: set_variable\n    type: set_variable   # an id is made" in text


def test_a_definition_sent_as_json_is_shown_as_yaml(engine, owner):
    workflow = engine.workflow(FINE)
    text = owner.get(f"/workflows/{workflow.id}/edit").all("textarea")[0].text_content()
    assert "- id: greet\n" in text


def test_a_stranger_finds_no_editor(alice, stranger, owner):
    workflow = made(alice)
    assert stranger.get(path_of(workflow)).status == 404
    assert owner.get(f"/workflows/{uuid.uuid4()}/edit").status == 404


def test_nobody_is_sent_to_the_sign_in_page(nobody):
    answer = nobody.get("/workflows/new").response
    assert (answer.status_code, answer["Location"][:8]) == (302, "/sign-in")


def test_a_viewer_reads_and_has_no_buttons(alice, looker):
    page = looker.get(path_of(made(alice)))
    assert page.all("#definition")[0].get("readonly") is not None
    assert page.all("[data-action=save], [data-action=test], [data-action=run]") == []
    assert "Your role (viewer) may look, not change." in page.text
    assert looker.get("/workflows/new").status == 403


def test_an_editor_may_save_and_an_operator_may_only_run(alice, member):
    workflow = made(alice)
    editor = Visitor(member(Role.EDITOR)).get(path_of(workflow))
    assert len(editor.all(".head [data-action=save], .head [data-action=run]")) == 2
    operator = Visitor(member(Role.OPERATOR)).get(path_of(workflow))
    assert operator.all("[data-action=save]") == []
    assert len(operator.all(".head [data-action=run]")) == 1


def test_an_archived_workflow_is_only_read(alice, owner):
    workflow = made(alice)
    alice.client.post(f"/api/workflows/{workflow['id']}/archive")
    page = owner.get(path_of(workflow))
    assert page.all(".head [data-action]") == []
    assert "It is archived" in page.text


def test_a_new_workflow_begins_with_a_valid_sample(alice, owner):
    page = owner.get("/workflows/new")
    text = page.all("#definition")[0].text_content()
    answer = alice.client.generic(
        "POST", "/api/workflows/validate", text, content_type="application/yaml"
    )
    assert answer.status_code == 200
    empty = owner.get("/workflows/new?from=empty").all("#definition")[0]
    assert empty.text_content().strip().endswith("steps:")


def test_script_in_a_definition_is_text(alice, owner):
    evil = "</textarea><script>alert(1)</script>"
    text = f"name: {evil!r}\nsteps:\n  - type: stop\n"
    page = owner.get(path_of(made(alice, text)))
    assert b"<script>alert" not in page.response.content
    assert evil in page.all("#definition")[0].text_content()
    assert not page.all("style, [style], main script")


def test_the_run_form_comes_alone_for_the_newest_version(alice, owner):
    workflow = made(
        alice, "name: a\ninputs: {who: {type: string}}\nsteps:\n  - type: stop\n"
    )
    part = owner.part(path_of(workflow), "run-form")
    assert len(part.all("form [name='input.who']")) == 1
    assert part.all("#definition") == []


def test_pages_of_workflows_lead_to_the_editor(alice, owner):
    workflow = made(alice)
    links = owner.get(f"/workflows/{workflow['id']}").all("nav.tabs a")
    assert path_of(workflow) in [one.get("href") for one in links]
    links = owner.get("/workflows").all("a.btn")
    assert "/workflows/new" in [one.get("href") for one in links]


def test_the_session_opens_the_editors_endpoints_to_members_alone(
    alice, owner, stranger, nobody
):
    path = f"/editor/workflows/{made(alice)['id']}"
    assert owner.client.get(path).json()["name"] == "Commented"
    assert stranger.client.get(path).status_code == 404
    assert nobody.client.get(path).status_code in (401, 403)
    assert owner.client.get("/api/step-types").status_code == 401
    assert owner.client.delete(path).status_code == 405


def test_changes_by_the_session_need_the_csrf_token(alice):
    path = f"/editor/workflows/{made(alice)['id']}"
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    sent = {"data": COMMENTED, "content_type": "application/yaml"}
    assert client.patch(path, **sent).status_code == 403
    client.cookies["csrftoken"] = token = "a" * 32
    answer = client.patch(path, **sent, headers={"X-CSRFToken": token})
    assert answer.status_code == 200


def test_a_viewer_saves_nothing_by_the_session(alice, looker):
    path = f"/editor/workflows/{made(alice)['id']}"
    sent = {"data": COMMENTED, "content_type": "application/yaml"}
    assert looker.client.patch(path, **sent).status_code == 403
