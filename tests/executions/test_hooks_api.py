"""The endpoints by which a workflow gets a URL of its own."""

import uuid
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.executions.models import Hook
from tests.executions.documents import UNKNOWN, doc, refused
from tests.fixtures_cast import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(alice: Person) -> str:
    """Where the hook of a new workflow is."""
    definition = {"name": f"w-{uuid.uuid4().hex[:8]}", **doc()}
    made = alice.client.post("/api/workflows", {"definition": definition}).json()
    return f"/api/workflows/{made['id']}/hook"


def test_a_workflow_has_no_url_until_it_gets_one(alice: Person, address: str) -> None:
    assert alice.client.get(address).status_code == 404
    made = alice.client.post(address)
    assert made.status_code == 201
    assert set(made.json()) == {"url", "is_enabled", "created_at"}
    assert made.json()["is_enabled"] is True
    assert alice.client.get(address).json() == made.json()


def test_the_url_begins_with_the_public_one(
    alice: Person, address: str, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://rpa.example.com"
    url = alice.client.post(address).json()["url"]
    start, _, token = url.rpartition("/")
    assert (start, len(token)) == ("https://rpa.example.com/hooks", 43)


def test_again_gives_another_url(alice: Person, address: str) -> None:
    first = alice.client.post(address).json()
    again = alice.client.post(address)
    assert again.status_code == 200
    assert again.json()["url"] != first["url"]
    with tenancy.system():
        assert Hook.objects.count() == 1


def test_it_is_switched_off_and_on(alice: Person, address: str) -> None:
    made = alice.client.post(address).json()
    off = alice.client.patch(address, {"is_enabled": False}).json()
    assert off == {**made, "is_enabled": False}
    # Another URL does not let calls in that were kept out.
    assert alice.client.post(address).json()["is_enabled"] is False
    on = alice.client.patch(address, {"is_enabled": True}).json()
    assert on["is_enabled"] is True


@pytest.mark.parametrize("body", [{}, {"is_enabled": 1}, {"is_enabled": True, "a": 1}])
def test_a_wrong_change_is_refused(
    alice: Person, address: str, body: dict[str, Any]
) -> None:
    alice.client.post(address)
    assert refused(alice.client.patch(address, body))


def test_it_is_taken_away(alice: Person, address: str) -> None:
    alice.client.post(address)
    assert alice.client.delete(address).status_code == 204
    assert alice.client.get(address).status_code == 404
    assert alice.client.delete(address).status_code == 404
    assert alice.client.patch(address, {"is_enabled": True}).status_code == 404


def test_every_change_stands_in_the_audit_trail(alice: Person, address: str) -> None:
    alice.client.post(address)
    alice.client.post(address)
    alice.client.patch(address, {"is_enabled": False})
    alice.client.delete(address)
    with tenancy.system():
        found = AuditEntry.objects.filter(action__startswith="hook.").order_by("id")
        actions = list(found.values_list("action", flat=True))
    assert actions == ["hook.create", "hook.rotate", "hook.update", "hook.delete"]


def test_an_archived_workflow_gets_none(alice: Person, address: str) -> None:
    alice.client.post(address.replace("/hook", "/archive"))
    answer = alice.client.post(address)
    assert (answer.status_code, answer.json()["code"]) == (409, "workflow_archived")


def test_operators_see_it_and_editors_change_it(
    alice: Person, bob: Person, member: Any, address: str
) -> None:
    alice.client.post(address)
    operator, editor = member("operator").client, member("editor").client
    assert operator.get(address).status_code == 200
    assert operator.post(address).status_code == 403
    assert operator.patch(address, {"is_enabled": False}).status_code == 403
    assert operator.delete(address).status_code == 403
    assert editor.post(address).status_code == 200
    assert bob.client.get(address).status_code == 403


def test_strangers_find_nothing(carol: Person, anonymous: Any, address: str) -> None:
    for method in ("get", "post", "delete"):
        assert getattr(carol.client, method)(address).status_code == 404
        assert getattr(anonymous, method)(address).status_code == 401
    unknown = f"/api/workflows/{UNKNOWN}/hook"
    assert carol.client.post(unknown).status_code == 404
