"""Operators announce maintenance in the admin, to all organizations or the chosen."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from apps.accounts.models import User
from apps.core import tenancy
from apps.events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/organization/"
URL = f"{LIST}announce/"
SENT = {
    "message": "New disks <b>at last</b>",
    "starts_at_0": "2026-12-01",
    "starts_at_1": "09:00",
    "ends_at_0": "2026-12-01",
    "ends_at_1": "10:30",
}


def operator(**more: Any) -> Client:
    user = User.objects.create(email="op@example.com", is_staff=True, **more)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db: None) -> Client:
    return operator(is_superuser=True)


def told() -> dict[Any, Any]:
    with tenancy.system():
        rows = Event.objects.filter(type="system-maintenance")
        return {row.organization_id: row.payload for row in rows}


def test_all_organizations_are_told_from_the_first_page(alice, carol, root):
    assert f'href="{URL}"' in root.get("/admin/").content.decode()
    assert "All organizations" in root.get(URL).content.decode()
    answer = root.post(URL, SENT, follow=True)
    assert "2 organizations are told." in answer.content.decode()
    assert set(told()) == {alice.organization_id, carol.organization_id}
    assert told()[carol.organization_id] == {
        "message": "New disks <b>at last</b>",
        "startsAt": "2026-12-01T09:00:00+00:00",
        "endsAt": "2026-12-01T10:30:00+00:00",
    }
    assert LogEntry.objects.get().user.email == "op@example.com"


@pytest.mark.parametrize("more", [{}, {"_on_its_page": "x"}])
def test_the_chosen_alone_are_told_from_the_list_or_their_page(
    alice, carol, root, more
):
    chosen = {"action": "announce", "_selected_action": [str(carol.organization_id)]}
    asked = root.post(LIST, {**chosen, **more}, follow=True)
    page = asked.content.decode()
    assert "<code>other</code>" in page
    assert "<code>acme</code>" not in page
    address = asked.redirect_chain[-1][0]
    answer = root.post(address, {"message": "New disks"}, follow=True)
    assert "1 organization is told." in answer.content.decode()
    assert set(told()) == {carol.organization_id}


def test_what_is_wrong_stands_at_its_field_and_nobody_is_told(alice, root):
    early = {**SENT, "ends_at_0": "2026-11-01"}
    assert "Must be after starts_at." in root.post(URL, early).content.decode()
    empty = root.post(URL, {"message": "  "})
    assert "This field is required." in empty.content.decode()
    gone = root.post(f"{URL}?only={alice.user.id}", SENT)
    assert "Must be there" in gone.content.decode()
    assert root.post(f"{URL}?only=all", SENT).status_code == 400
    assert told() == {}


def test_operators_who_may_only_look_announce_nothing(alice):
    client = operator()
    may = Permission.objects.get(codename="view_organization")
    User.objects.get(email="op@example.com").user_permissions.add(may)
    assert URL not in client.get("/admin/").content.decode()
    assert client.post(URL, SENT).status_code == 403
    chosen = {"action": "announce", "_selected_action": [str(alice.organization_id)]}
    client.post(LIST, chosen, follow=True)
    assert told() == {}


def test_members_find_no_page(alice):
    client = Client()
    client.force_login(alice.user)
    assert client.get(URL).status_code == 302
    assert client.post(URL, SENT).status_code == 302
    assert told() == {}
