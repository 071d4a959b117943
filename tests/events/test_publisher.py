"""The publisher: numbers follow commits, whoever publishes."""

import asyncio
import threading
import uuid

import pytest
from django.db import connection, connections, transaction

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.events import publisher
from apps.events.models import Event
from apps.events.services import emit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def organization_id(alice):
    return alice.organization_id


def say(organization_id, text="x", **more):
    with tenancy.tenant(organization_id):
        emit("note", organization_id=organization_id, payload={"n": text}, **more)


def numbers():
    with tenancy.system():
        rows = Event.objects.filter(seq__isnull=False).order_by("seq")
        return list(rows.values_list("seq", "payload__n"))


def drain():
    while publisher.publish_batch():
        pass


def in_thread(work):
    """Run in a thread with a connection of its own; joined by the caller."""

    def run():
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_event_needs_the_transaction_of_its_change(organization_id):
    with pytest.raises(transaction.TransactionManagementError):
        emit("note", organization_id=organization_id)


def test_numbers_grow_in_the_order_of_the_events(organization_id):
    drain()
    for text in "abc":
        say(organization_id, text)
    drain()
    found = numbers()[-3:]
    assert [text for _, text in found] == ["a", "b", "c"]
    assert [seq - found[0][0] for seq, _ in found] == [0, 1, 2]


def test_what_commits_late_gets_the_higher_number_and_is_not_skipped(organization_id):
    drain()
    written, go_on = threading.Event(), threading.Event()

    def early_but_slow():
        with tenancy.tenant(organization_id):
            emit("note", organization_id=organization_id, payload={"n": "early"})
            written.set()
            assert go_on.wait(20)

    thread = in_thread(early_but_slow)
    assert written.wait(20)
    say(organization_id, "late")
    drain()
    before = numbers()[-1]
    go_on.set()
    thread.join()
    drain()
    assert before[1] == "late"
    assert numbers()[-2:] == [before, (before[0] + 1, "early")]


def test_publishers_side_by_side_give_each_number_once(organization_id, monkeypatch):
    drain()
    monkeypatch.setattr(publisher, "BATCH", 7)
    for n in range(100):
        say(organization_id, n)
    counts = []

    def publish():
        idle = 0
        while idle < 20:
            count = publisher.publish_batch()
            counts.append(count)
            idle = 0 if count else idle + 1

    threads = [in_thread(publish) for _ in range(4)]
    for thread in threads:
        thread.join()
    found = numbers()[-100:]
    assert sum(counts) == 100
    assert [text for _, text in found] == list(range(100))
    assert [seq for seq, _ in found] == list(range(found[0][0], found[0][0] + 100))


def test_only_one_publishes_at_a_time(organization_id):
    say(organization_id)
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with tenancy.system(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [publisher._LOCK])
            held.set()
            assert go_on.wait(20)

    thread = in_thread(hold)
    assert held.wait(20)
    meanwhile = publisher.publish_batch()
    go_on.set()
    thread.join()
    assert (meanwhile, publisher.publish_batch() > 0) == (0, True)


class DeadLayer:
    async def group_send(self, group, message):
        raise ConnectionError("no broker")


class StuckLayer:
    async def group_send(self, group, message):
        await asyncio.sleep(3600)


@pytest.mark.parametrize("layer", [DeadLayer(), StuckLayer()])
def test_a_channel_layer_that_is_down_stops_no_numbering(
    organization_id, monkeypatch, layer
):
    monkeypatch.setattr(publisher, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(publisher, "SEND_WITHIN_S", 0.05)
    say(organization_id, "a")
    drain()
    say(organization_id, "b")
    drain()
    assert [text for _, text in numbers()[-2:]] == ["a", "b"]


def test_sends_each_event_to_the_channels_it_belongs_to(organization_id, monkeypatch):
    drain()
    sent = []

    class Layer:
        async def group_send(self, group, message):
            sent.append(
                (group, message["group"], [one.id for one in message["events"]])
            )

    monkeypatch.setattr(publisher, "get_channel_layer", Layer)
    workflow, execution, user = uuid7(), uuid7(), uuid7()
    names = {"workflow_id": workflow, "execution_id": execution, "user_id": user}
    say(organization_id, **names)
    drain()
    seq = numbers()[-1][0]
    about = {
        "organization-activity": organization_id,
        "workflow-status": workflow,
        "workflow-execution": workflow,
        "user-notifications": user,
    }
    groups = [f"{kind}.{id_.hex}.{organization_id.hex}" for kind, id_ in about.items()]
    assert sent == [(group, group, [seq]) for group in groups]


def test_sends_a_channel_all_that_was_published_together_in_one_message(
    organization_id, monkeypatch
):
    drain()
    sent = []

    class Layer:
        async def group_send(self, group, message):
            sent.append([one.id for one in message["events"]])

    monkeypatch.setattr(publisher, "get_channel_layer", Layer)
    for _ in range(3):
        say(organization_id)
    drain()
    assert sent == [[seq for seq, _ in numbers()[-3:]]]


def test_an_execution_keeps_the_order_of_its_events_within_a_transaction(
    organization_id,
):
    drain()
    execution_id = uuid.uuid4()
    with tenancy.tenant(organization_id):
        for n in range(30):
            emit(
                "note",
                organization_id=organization_id,
                execution_id=execution_id,
                payload={"n": n},
            )
    drain()
    assert [text for _, text in numbers()[-30:]] == list(range(30))
