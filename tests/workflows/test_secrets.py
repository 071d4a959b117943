"""Secrets: encrypted, bound to their row, resolved only when asked for."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.core.crypto import UnreadableSecret
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.expressions import Scope, UndefinedName, compile_value
from apps.workflows import selectors, services
from apps.workflows.models import Secret
from tests.fixtures_cast import JsonClient, Person

pytestmark = pytest.mark.django_db

VALUE = "p4ss-word-äöü"


def create(person: Person, name: str = "api_key", value: str = VALUE) -> Secret:
    with tenancy.tenant(person.organization_id):
        return services.secret_create(by=person.viewer, name=name, value=value)


def test_the_value_is_encrypted_in_its_row(alice: Person) -> None:
    secret = create(alice)
    assert VALUE not in secret.encrypted
    assert selectors.secrets_for(alice.organization_id)["api_key"] == VALUE


def test_only_what_was_asked_for_is_opened(alice: Person) -> None:
    create(alice)
    create(alice, "other")
    values = selectors.secrets_for(alice.organization_id)
    assert list(values) == ["api_key", "other"]
    assert values.resolved == {}
    assert values["other"] == VALUE
    assert values.resolved == {"other": VALUE}
    assert VALUE not in repr(values)


def test_expressions_look_secrets_up_by_name(alice: Person) -> None:
    create(alice)
    scope = Scope({"secrets": selectors.secrets_for(alice.organization_id)})
    compiled = compile_value({"key": "Bearer {{ secrets.api_key }}"})
    assert compiled.render(scope) == {"key": f"Bearer {VALUE}"}
    with pytest.raises(UndefinedName):
        compile_value("{{ secrets.none }}").render(scope)


def test_nobody_opens_the_secrets_of_another_organization(
    alice: Person, carol: Person
) -> None:
    create(alice)
    values = selectors.secrets_for(carol.organization_id)
    assert len(values) == 0
    with pytest.raises(KeyError):
        values["api_key"]


def test_two_rows_whose_values_were_swapped_do_not_open(alice: Person) -> None:
    first, second = create(alice, "first"), create(alice, "second", "another value")
    with tenancy.tenant(alice.organization_id):
        Secret.objects.filter(id=first.id).update(encrypted=second.encrypted)
        Secret.objects.filter(id=second.id).update(encrypted=first.encrypted)
    for name in ("first", "second"):
        with pytest.raises(UnreadableSecret):
            selectors.secrets_for(alice.organization_id)[name]


@pytest.mark.parametrize("name", ["", "Api", "1a", "a-b", "a b", "a" * 65, "ä", "a\n"])
def test_refuses_other_names(alice: Person, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        create(alice, name)
    assert caught.value.errors[0]["path"] == "name"


@pytest.mark.parametrize("value", ["", "a" * 65_537])
def test_refuses_values_that_are_empty_or_huge(alice: Person, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        create(alice, value=value)
    assert caught.value.errors[0]["path"] == "value"


def test_refuses_a_second_secret_of_a_name(alice: Person) -> None:
    create(alice)
    with pytest.raises(Conflict):
        create(alice)


def test_a_viewer_cannot_write_secrets(bob: Person) -> None:
    with pytest.raises(Forbidden):
        create(bob)


def test_the_trail_of_a_change_holds_no_value(alice: Person) -> None:
    secret = create(alice)
    key = str(secret.id)
    with tenancy.tenant(alice.organization_id):
        services.secret_update(secret=secret, by=alice.viewer, value="another value")
        services.secrets_mark_used(alice.organization_id, ["api_key"])
        services.secret_delete(secret=secret, by=alice.viewer)
        trail = list(AuditEntry.objects.filter(target_id=key).order_by("id"))
    assert [entry.action for entry in trail] == [
        "secret.create",
        "secret.update",
        "secret.delete",
    ]
    facts = {"name": "api_key", "description": ""}
    assert trail[1].before == facts
    assert trail[1].after == {**facts, "value_changed": True}
    assert VALUE not in str([(entry.before, entry.after) for entry in trail])


def post(client: JsonClient, **body: Any) -> Any:
    return client.post("/api/secrets", {"name": "api_key", "value": VALUE, **body})


def test_no_answer_holds_the_value(alice: Person) -> None:
    answers = [
        post(alice.client, description="For the shop"),
        alice.client.get("/api/secrets"),
        alice.client.get("/api/secrets/api_key"),
        alice.client.patch("/api/secrets/api_key", {"value": VALUE + "!"}),
        post(alice.client),
        post(alice.client, name="Wrong"),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 409, 400]
    for answer in answers:
        assert "p4ss-word" not in answer.content.decode()
        assert "encrypted" not in answer.content.decode()


def test_warns_of_values_too_short_to_mask(alice: Person) -> None:
    assert post(alice.client).json()["warnings"] == []
    short = post(alice.client, name="pin", value="1234").json()
    assert "shorter than 8" in short["warnings"][0]


def test_finds_a_secret_by_name_and_by_id(alice: Person) -> None:
    made = post(alice.client).json()
    for reference in (made["name"], made["id"]):
        found = alice.client.get(f"/api/secrets/{reference}").json()
        assert found["id"] == made["id"]
    assert alice.client.delete("/api/secrets/api_key").status_code == 204
    assert alice.client.get("/api/secrets/api_key").status_code == 404


def test_each_of_the_cast_gets_what_is_theirs(
    alice: Person, bob: Person, carol: Person, anonymous: JsonClient
) -> None:
    made = post(alice.client).json()
    url = f"/api/secrets/{made['id']}"
    assert bob.client.get(url).status_code == 200
    assert bob.client.patch(url, {"value": "x" * 9}).status_code == 403
    assert post(bob.client, name="other").status_code == 403
    for method in (carol.client.get, carol.client.patch, carol.client.delete):
        assert method(url).status_code == 404
    assert anonymous.get(url).status_code == 401
    assert carol.client.get("/api/secrets").json()["results"] == []
    # Names are each organization's own.
    assert post(carol.client).status_code == 201
