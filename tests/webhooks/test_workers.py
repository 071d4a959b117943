"""A real beat and a real worker deliver, and go on where a killed one stopped."""

import pytest
from django.db.models.functions import Now

from apps.core import tenancy
from apps.webhooks.models import Webhook
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_real_worker_delivers_what_a_killed_one_has_begun(
    hooks, http_server, engine, beat, start_worker
):
    first = []

    def kill_the_worker(request):
        first.append(request)
        worker.kill()
        raise ConnectionError("nobody waits for the answer")

    http_server.answers_with("/deadly", kill_the_worker)
    http_server.answers("/deadly", status=200)
    address = {"EGRESS_ALLOW": http_server.address}
    worker = start_worker(WORKER_GRACE="1", **address)
    hooks.make("/deadly")
    hooks.say()
    wait_for(lambda: first, what="the worker sends and dies")
    with tenancy.system():
        assert Webhook.objects.get().lease is not None
        Webhook.objects.update(lease_until=Now())
    start_worker(WORKER_GRACE="1", **address)
    wait_for(
        lambda: [one.status for one in hooks.deliveries()] == ["delivered"],
        what="the next worker delivers",
    )
    ids = {request.headers["webhook-id"] for request in http_server.requests}
    assert (len(http_server.requests), len(ids)) == (2, 1)
