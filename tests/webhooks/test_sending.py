"""Deliveries on a real local receiver: signed, retried, never lost, bounded."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connections
from django.db.models.functions import Now

from apps.core import tenancy
from apps.events import telling
from apps.events.models import Event, Progress
from apps.webhooks import fanout, leases, outcomes, sending
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.pauses import PAUSES_S, pause_s
from tests.http_server import Answer

pytestmark = pytest.mark.django_db(transaction=True)


def signed_by(secret: str, request) -> bool:
    """Written from the specification, without our code."""
    head = request.headers
    raw = base64.b64decode(secret.split("_", 1)[1])
    text = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + request.body
    want = base64.b64encode(hmac.new(raw, text, hashlib.sha256).digest()).decode()
    return f"v1,{want}" in head["webhook-signature"].split(" ")


def test_a_message_is_signed_and_names_its_event(hooks, http_server):
    made = hooks.make()
    hooks.go(change="update")
    (request,) = http_server.requests
    with tenancy.system():
        event = Event.objects.get(type="workflow-changed")
    body = json.loads(request.body)
    assert signed_by(made["secret"], request)
    assert request.headers["webhook-id"] == f"evt_{event.id.hex}"
    assert (body["type"], body["data"]["change"]) == ("workflow-changed", "update")
    assert body["data"]["eventId"] == event.seq
    assert [one.status for one in hooks.deliveries()] == ["delivered"]
    assert [one.status_code for one in hooks.attempts()] == [204]


def test_the_signature_covers_the_id_the_time_and_every_byte(hooks, http_server):
    secret = hooks.make()["secret"]
    hooks.go(change="update", more=[1, 2])
    (request,) = http_server.requests
    head, body = dict(request.headers), request.body
    assert "." not in head["webhook-id"]  # which parts the signed text
    swapped = json.dumps(dict(reversed(json.loads(body).items()))).encode()
    changes = [
        (head | {"webhook-id": f"{head['webhook-id']}0"}, body),
        (head | {"webhook-timestamp": "1"}, body),
        (head | {"webhook-signature": "v1,"}, body),
        (head, body[:-2] + b" }"),
        (head, swapped),
    ]
    assert signed_by(secret, SimpleNamespace(headers=head, body=body))
    for headers, content in changes:
        changed = SimpleNamespace(headers=headers, body=content)
        assert not signed_by(secret, changed), (headers, content)


def test_only_the_types_asked_for_are_sent_and_in_order(hooks, http_server):
    hooks.make()
    hooks.say("notification", n=0)
    for n in (1, 2, 3):
        hooks.say(n=n)
    hooks.hear()
    hooks.send()
    sent = [json.loads(request.body)["data"]["n"] for request in http_server.requests]
    assert sent == [1, 2, 3]


def test_a_rotated_secret_overlaps_with_the_old_one(hooks, http_server):
    made = hooks.make()
    new = hooks.post(made, "rotate").json()["secret"]
    hooks.go()
    assert signed_by(new, http_server.requests[0])
    assert signed_by(made["secret"], http_server.requests[0])
    newest = hooks.post(made, "rotate", overlap_hours=0).json()["secret"]
    hooks.go()
    assert signed_by(newest, http_server.requests[1])
    assert not signed_by(new, http_server.requests[1])


def test_a_failed_delivery_is_sent_again_under_the_same_id(hooks, http_server):
    http_server.answers("/flaky", status=503, body="not now")
    http_server.answers("/flaky", status=200)
    hooks.make("/flaky")
    hooks.go()
    waiting = hooks.deliveries()[0]
    hooks.send()
    assert (waiting.status, waiting.tries) == ("pending", 1)
    assert len(http_server.requests) == 1
    hooks.all_due()
    hooks.send()
    ids = [request.headers["webhook-id"] for request in http_server.requests]
    assert (len(ids), len(set(ids))) == (2, 1)
    assert hooks.deliveries()[0].status == "delivered"
    assert [(a.status_code, a.answer) for a in hooks.attempts()] == [
        (503, "not now"),
        (200, ""),
    ]
    assert hooks.hook().failing_since is None


def test_pauses_grow_to_about_a_day_and_wait_for_what_is_asked():
    total_s = sum(pause_s(tries) for tries in range(1, len(PAUSES_S) + 1))
    assert 18 * 3600 < total_s < 30 * 3600
    assert pause_s(len(PAUSES_S) + 1) is None
    assert pause_s(1, 600.0) == 600.0
    assert pause_s(1, 1e9) == PAUSES_S[-1]


def test_the_last_attempt_ends_it(hooks, http_server):
    http_server.answers("/no", status=500)
    hooks.make("/no")
    hooks.go()
    with tenancy.system():
        Delivery.objects.update(tries=len(PAUSES_S))
    hooks.all_due()
    hooks.send()
    (found,) = hooks.deliveries()
    assert (found.status, found.ended_at is None) == ("failed", False)


def test_gone_disables_the_webhook_and_says_so(hooks, http_server):
    http_server.answers("/gone", status=410)
    hooks.make("/gone")
    hooks.go()
    hooks.go()
    assert len(http_server.requests) == 1
    assert (hooks.hook().status, hooks.deliveries()[0].status) == ("disabled", "failed")
    with tenancy.system():
        told = Event.objects.get(type="webhook-disabled")
    assert told.payload["webhookId"] == str(hooks.hook().id)


def test_a_long_time_of_failures_disables_the_webhook(hooks, http_server):
    http_server.answers("/no", status=500)
    hooks.make("/no")
    hooks.go()
    assert hooks.hook().status == "active"
    with tenancy.system():
        Webhook.objects.update(failing_since=Now() - timedelta(days=6))
    hooks.go()
    assert hooks.hook().status == "disabled"
    assert {one.status for one in hooks.deliveries()} == {"failed"}


def test_a_receiver_that_hangs_is_left(hooks, http_server, settings):
    settings.WEBHOOK_TIMEOUT = timedelta(seconds=0.2)
    go_on = threading.Event()

    def hang(_request):
        go_on.wait(20)
        return Answer(200, b"")

    http_server.answers_with("/hangs", hang)
    hooks.make("/hangs")
    hooks.go()
    go_on.set()
    (attempt,) = hooks.attempts()
    assert (attempt.status_code, attempt.error.split(":")[0]) == (None, "timeout")
    assert hooks.deliveries()[0].status == "pending"


def test_redirects_are_not_followed(hooks, http_server):
    target = {"Location": http_server.url("/in")}
    http_server.answers("/moved", status=307, headers=target)
    hooks.make("/moved")
    hooks.go()
    assert [request.path for request in http_server.requests] == ["/moved"]
    assert hooks.attempts()[0].status_code == 307
    assert hooks.deliveries()[0].status == "pending"


def test_a_private_address_is_refused_for_good(hooks, http_server, settings):
    settings.EGRESS_ALLOW = ""
    hooks.make()
    hooks.go()
    assert http_server.requests == []
    assert hooks.attempts()[0].error.startswith("egress_refused")
    assert hooks.deliveries()[0].status == "failed"


@pytest.mark.parametrize("size", [1024 * 1024, 20 * 1024 * 1024])
def test_of_a_large_answer_the_first_kib_is_kept(hooks, http_server, size):
    http_server.answers("/large", body=b"\0" + b"x" * size)
    hooks.make("/large")
    hooks.go()
    (attempt,) = hooks.attempts()
    assert (attempt.status_code, len(attempt.answer) <= 1024) == (200, True)
    assert hooks.deliveries()[0].status == "delivered"


def test_who_dies_between_sending_and_recording_has_it_sent_again(
    hooks, http_server, monkeypatch
):
    hooks.make()
    hooks.say()
    hooks.hear()

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sending, "record", die)
        with pytest.raises(KeyboardInterrupt):
            sending.serve()
    hooks.send()
    assert len(http_server.requests) == 1  # the lease of the dead one still holds
    with tenancy.system():
        Webhook.objects.update(lease_until=Now())
    hooks.send()
    ids = {request.headers["webhook-id"] for request in http_server.requests}
    assert (len(http_server.requests), len(ids)) == (2, 1)
    assert [one.status for one in hooks.deliveries()] == ["delivered"]


def test_who_lost_the_lease_records_nothing(hooks):
    hooks.make()
    hooks.say()
    hooks.hear()
    late = leases.claim()
    found = leases.next_delivery(late)
    with tenancy.system():
        Webhook.objects.update(lease_until=Now())
    assert leases.claim() is not None
    outcomes.record(*found, outcomes.Outcome(duration_ms=1, is_success=True))
    assert leases.next_delivery(late) is None
    assert (hooks.attempts(), hooks.deliveries()[0].status) == ([], "pending")


def test_workers_side_by_side_send_each_message_once(hooks, http_server):
    for _ in range(3):
        hooks.make()
    for n in range(10):
        hooks.say(n=n)
    hooks.hear()

    def work():
        try:
            hooks.send()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hooks.send()
    assert len(http_server.requests) == 30
    assert {one.status for one in hooks.deliveries()} == {"delivered"}
    assert len(hooks.attempts()) == 30


def test_no_more_webhooks_are_served_at_a_time_than_allowed(hooks, settings):
    settings.WEBHOOK_CONCURRENCY = 2
    for _ in range(3):
        hooks.make()
    hooks.say()
    hooks.hear()
    assert leases.due_count() == 2
    claimed = [leases.claim() for _ in range(3)]
    assert [one is not None for one in claimed] == [True, True, False]
    assert leases.due_count() == 0


def test_a_subscriber_that_dies_is_told_the_same_again_and_nothing_is_doubled(hooks):
    hooks.make()
    hooks.say()
    telling_name = "apps.webhooks.fanout.fan_out"
    hooks_before = hooks.deliveries()

    def die(events):
        fanout.fan_out(events)
        raise KeyboardInterrupt

    from apps.events import publisher

    while publisher.publish_batch():
        pass
    with pytest.raises(KeyboardInterrupt):
        telling.tell(telling_name, die)
    assert hooks.deliveries() == hooks_before == []
    hooks.hear()
    assert len(hooks.deliveries()) == 1
    with tenancy.system():
        Progress.objects.update(last=0)
    hooks.hear()
    assert len(hooks.deliveries()) == 1
