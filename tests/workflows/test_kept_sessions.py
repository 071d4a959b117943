"""Kept sessions of browsers: encrypted, of one workflow, deletable."""

import threading
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.steps.browser import keeping
from apps.workflows import services
from apps.workflows.models import KeptSession
from tests.workflows.documents import step, with_steps

STATE = {"cookies": [{"name": "in", "value": "a-login"}], "storage": {"http://a": {}}}


@pytest.fixture
def workflow(alice):
    return make(alice)


def make(person, name="Orders"):
    with tenancy.tenant(person.organization_id):
        document = {**with_steps(step()), "name": name}
        return services.workflow_create(by=person.viewer, document=document)


def save(workflow, state=STATE, name="login", change=None):
    with tenancy.tenant(workflow.organization_id):
        services.kept_session_save(
            organization_id=workflow.organization_id,
            workflow_id=workflow.id,
            name=name,
            execution_id=uuid.uuid4(),
            change=change or (lambda _: state),
        )


def load(workflow, name="login"):
    with tenancy.tenant(workflow.organization_id):
        return services.kept_session_load(workflow_id=workflow.id, name=name)


@pytest.mark.django_db
def test_it_is_encrypted_and_comes_back(workflow):
    assert load(workflow) == {}
    save(workflow)
    assert load(workflow) == STATE
    with tenancy.system():
        assert "a-login" not in KeptSession.objects.get().encrypted


@pytest.mark.django_db
def test_content_that_was_moved_to_another_row_does_not_open(alice, workflow):
    other = make(alice, "Other")
    save(workflow)
    save(other, {"cookies": [], "storage": {}})
    with tenancy.system():
        stolen = KeptSession.objects.get(workflow=workflow).encrypted
        KeptSession.objects.filter(workflow=other).update(encrypted=stolen)
    assert load(other) == {}


@pytest.mark.django_db(transaction=True)
def test_saves_at_once_come_one_after_the_other(workflow):
    def keep(number):
        now = {"cookies": [number], "storage": {f"http://{number}": {"n": "1"}}}
        save(workflow, change=lambda before: keeping.merged(before, now))
        connections.close_all()

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(load(workflow)["storage"]) == 6


@pytest.mark.django_db
def test_each_of_the_cast_gets_what_is_theirs(alice, bob, carol, anonymous, workflow):
    save(workflow)
    path = f"/api/workflows/{workflow.id}/browser-sessions"
    listed = bob.client.get(path)
    assert [one["name"] for one in listed.json()["results"]] == ["login"]
    shown = bob.client.get(f"{path}/login")
    assert (shown.json()["cookies"], shown.json()["sites"]) == (1, 1)
    assert "a-login" not in listed.content.decode() + shown.content.decode()
    assert bob.client.delete(f"{path}/login").status_code == 403
    assert carol.client.get(path).status_code == 404
    assert carol.client.delete(f"{path}/login").status_code == 404
    assert anonymous.get(path).status_code == 401
    assert alice.client.delete(f"{path}/none").status_code == 404
    assert alice.client.delete(f"{path}/login").status_code == 204
    assert load(workflow) == {}
    with tenancy.tenant(alice.organization_id):
        entry = AuditEntry.objects.get(action="browser_session.delete")
        assert entry.before == {"name": "login"}


@pytest.mark.django_db
def test_operators_delete_it_and_do_not_see_what_it_holds(workflow):
    save(workflow)
    user = get_user_model().objects.create(
        email="operator@example.com", is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    with tenancy.system():
        row = KeptSession.objects.get()
    assert client.get("/admin/workflows/keptsession/").status_code == 200
    page = client.get(f"/admin/workflows/keptsession/{row.id}/change/")
    assert "login" in page.content.decode()
    assert row.encrypted not in page.content.decode()
    gone = client.post(
        f"/admin/workflows/keptsession/{row.id}/delete/", {"post": "yes"}
    )
    assert gone.status_code == 302
    assert load(workflow) == {}


@pytest.mark.django_db
def test_it_goes_with_its_workflow(alice, workflow):
    save(workflow)
    with tenancy.tenant(alice.organization_id):
        services.workflow_delete(workflow=workflow, by=alice.viewer)
    with tenancy.system():
        assert not KeptSession.objects.exists()
