"""Maintenance is announced by operators and reaches every organization."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from apps.core import tenancy
from apps.events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/maintenance"


def told():
    with tenancy.system():
        rows = Event.objects.filter(type="system-maintenance")
        return {row.organization_id: row.payload for row in rows}


def test_an_operators_announcement_reaches_every_organization(alice, carol):
    alice.user.is_staff = alice.user.is_superuser = True
    alice.user.save()
    sent = {"message": "New disks", "starts_at": "2026-12-01T09:00:00Z"}
    answer = alice.client.post(URL, sent)
    assert (answer.status_code, answer.json()) == (201, {"organizations": 2})
    assert set(told()) == {alice.organization_id, carol.organization_id}
    payload = told()[carol.organization_id]
    assert payload["message"] == "New disks"
    assert payload["startsAt"] == "2026-12-01T09:00:00+00:00"


def test_the_owner_of_an_organization_is_no_operator(alice, anonymous):
    answers = [
        client.post(URL, {"message": "x"}).status_code
        for client in (alice.client, anonymous)
    ]
    assert (answers, told()) == ([403, 401], {})


def test_an_operator_has_to_have_the_right_that_the_admin_asks_for(alice):
    alice.user.is_staff = True
    alice.user.save()
    assert alice.client.post(URL, {"message": "x"}).status_code == 403
    right = Permission.objects.get(codename="change_organization")
    alice.user.user_permissions.add(right)
    assert alice.client.post(URL, {"message": "x"}).status_code == 201
    assert set(told()) == {alice.organization_id}


def test_the_command_announces_too(alice, carol, capsys):
    call_command("announce_maintenance", "New disks")
    assert len(told()) == 2
    assert "2 organizations" in capsys.readouterr().out


def test_an_empty_message_or_an_end_before_the_start_is_refused(alice):
    with pytest.raises(CommandError):
        call_command("announce_maintenance", " ")
    with pytest.raises(CommandError):
        call_command(
            "announce_maintenance",
            "x",
            "--starts-at=2026-12-02T00:00:00Z",
            "--ends-at=2026-12-01T00:00:00Z",
        )
    assert told() == {}
