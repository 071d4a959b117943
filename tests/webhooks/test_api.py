"""Webhooks over REST: who may, what is shown, sending again by hand."""

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.webhooks import pruning
from apps.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = [
    ("get", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "/rotate"),
    ("post", "/test"),
    ("post", "/replay"),
    ("get", "/deliveries"),
    ("get", f"/deliveries/{uuid.uuid4()}"),
    ("post", f"/deliveries/{uuid.uuid4()}/replay"),
]


def test_admins_and_owners_may_and_nobody_else(hooks, member, carol, bob, anonymous):
    made = hooks.make()
    for method, path in PATHS:
        url = f"/api/webhooks/{made['id']}{path}"
        sent = {"since": "2026-01-01T00:00:00Z"} if path == "/replay" else None
        answers = [
            getattr(client, method)(url, sent).status_code
            for client in (anonymous, bob.client, carol.client)
        ]
        assert answers == [401, 403, 404], (method, path)
    assert member("editor").client.get("/api/webhooks").status_code == 403
    assert carol.client.get("/api/webhooks").json()["results"] == []
    shown = member("admin").client.get("/api/webhooks").json()["results"]
    assert [one["id"] for one in shown] == [made["id"]]
    assert "secret" not in shown[0]


def test_url_and_secret_are_encrypted_and_stay_out_of_the_trail(hooks):
    made = hooks.make(url="https://example.com/hidden-path")
    hook = hooks.hook()
    with tenancy.system():
        rows = str([vars(hook), *AuditEntry.objects.values()])
    assert made["secret"].startswith("whsec_")
    assert "hidden-path" not in rows
    assert made["secret"] not in rows


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com/"),
        ("url", "https://me:pass@example.com/"),
        ("url", "nonsense"),
        ("event_types", []),
        ("event_types", ["no-such-type"]),
        ("event_types", "workflow-changed"),
        ("name", ""),
        ("secret", "mine"),
    ],
)
def test_a_wrong_webhook_is_refused(alice, field, value):
    sent = {"name": "n", "url": "https://example.com/", "event_types": ["notification"]}
    answer = alice.client.post("/api/webhooks", {**sent, field: value})
    assert answer.status_code == 400, answer.content
    assert field in answer.content.decode()


def test_what_happens_while_it_is_paused_is_sent_later(hooks, http_server):
    made = hooks.make()
    url = f"/api/webhooks/{made['id']}"
    assert hooks.person.client.patch(url, {"status": "paused"}).status_code == 200
    hooks.go()
    assert http_server.requests == []
    hooks.person.client.patch(url, {"status": "active", "name": "new"})
    hooks.send()
    assert len(http_server.requests) == 1
    assert hooks.hook().name == "new"
    with tenancy.system():
        actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert actions.count("webhook.update") == 2


def test_a_deleted_webhook_takes_its_deliveries_along(hooks):
    made = hooks.make()
    hooks.go()
    answer = hooks.person.client.delete(f"/api/webhooks/{made['id']}")
    assert (answer.status_code, hooks.deliveries(), hooks.attempts()) == (204, [], [])


def test_a_test_event_is_tried_once(hooks, http_server):
    http_server.answers("/no", status=500)
    made = hooks.make("/no")
    assert hooks.post(made, "test").status_code == 202
    hooks.send()
    (found,) = hooks.deliveries()
    assert (found.event_type, found.status) == ("webhook-test", "failed")
    hooks.person.client.patch(f"/api/webhooks/{made['id']}", {"status": "paused"})
    assert hooks.post(made, "test").status_code == 409


def test_one_delivery_is_sent_again_under_the_same_id(hooks, http_server):
    made = hooks.make()
    hooks.go()
    found = hooks.deliveries()[0]
    assert hooks.post(made, f"deliveries/{found.id}/replay").status_code == 202
    hooks.send()
    ids = [request.headers["webhook-id"] for request in http_server.requests]
    assert ids == [found.message_id] * 2
    shown = hooks.person.client.get(
        f"/api/webhooks/{made['id']}/deliveries/{found.id}"
    ).json()
    assert [one["number"] for one in shown["attempts"]] == [2, 1]
    assert shown["message_id"] == found.message_id


def test_all_that_failed_since_a_time_is_sent_again(hooks, http_server):
    made = hooks.make()
    for n in range(3):
        hooks.say(n=n)
    hooks.hear()
    old, new, _ = (one.id for one in hooks.deliveries())
    hooks.send()
    with tenancy.system():
        failed = Delivery.objects.filter(id__in=[old, new])
        failed.update(status="failed", ended_at=Now())
        failed.filter(id=old).update(ended_at=Now() - timedelta(days=400))
    answer = hooks.post(made, "replay", since="2026-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1})
    hooks.send()
    assert len(http_server.requests) == 4
    with tenancy.system():
        Webhook.objects.update(status="disabled")
    assert hooks.post(made, "replay", since="2026-01-01T00:00:00Z").status_code == 409


def test_deliveries_are_listed_in_pages(hooks):
    made = hooks.make()
    for n in range(3):
        hooks.say(n=n)
    hooks.hear()
    first = hooks.person.client.get(
        f"/api/webhooks/{made['id']}/deliveries?limit=2&status=pending"
    ).json()
    second = hooks.person.client.get(first["next"]).json()
    shown = [one["id"] for one in first["results"] + second["results"]]
    assert shown == [str(one.id) for one in reversed(hooks.deliveries())]


def test_old_deliveries_go_and_those_under_way_stay(hooks):
    hooks.make()
    hooks.go()
    hooks.say()
    hooks.hear()
    with tenancy.system():
        ended = Delivery.objects.filter(status="delivered")
        ended.update(ended_at=Now() - timedelta(days=31))
    assert pruning.prune_batch(timedelta(days=30)) == 1
    assert [one.status for one in hooks.deliveries()] == ["pending"]
    assert hooks.attempts() == []
