"""Each event names the one before it on its channel, whoever publishes."""

from typing import Any

import pytest

from apps.core import tenancy
from apps.core.ids import uuid7
from apps.events import publisher, selectors
from apps.events.channels import EXECUTIONS, ORGANIZATION, STATUS, USER, Channel
from apps.events.services import emit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[int, int]]]:
    """Number and predecessor of what was sent, by group."""
    found: dict[str, list[tuple[int, int]]] = {}

    class Layer:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            links = [(one.id, one.prev) for one in message["events"]]
            found.setdefault(group, []).extend(links)

    monkeypatch.setattr(publisher, "get_channel_layer", Layer)
    return found


def say(person, **about: Any) -> None:
    with tenancy.tenant(person.organization_id):
        emit("note", organization_id=person.organization_id, **about)


def drain() -> None:
    while publisher.publish_batch():
        pass


def chained(links: list[tuple[int, int]]) -> bool:
    numbers = [number for number, _ in links]
    return [prev for _, prev in links] == [0, *numbers[:-1]]


def test_the_links_of_each_channel_leave_out_what_is_not_of_it(alice, sent) -> None:
    one, two, execution = uuid7(), uuid7(), uuid7()
    place = alice.organization_id
    for workflow in (one, two, one):
        say(alice, workflow_id=workflow)
        say(alice, workflow_id=workflow, execution_id=execution)
        drain()
    for channel in (
        Channel(ORGANIZATION, place, place),
        Channel(STATUS, one, place),
        Channel(EXECUTIONS, one, place),
    ):
        assert chained(sent[channel.group]), channel
    assert len(sent[Channel(EXECUTIONS, one, place).group]) == 2


def test_the_links_go_on_after_another_process_has_published(
    alice, sent, monkeypatch
) -> None:
    say(alice)
    drain()
    ours = publisher._ends
    monkeypatch.setattr(publisher, "_ends", publisher._Ends())
    say(alice)
    drain()
    monkeypatch.setattr(publisher, "_ends", ours)
    say(alice)
    say(alice)
    drain()
    place = alice.organization_id
    assert chained(sent[Channel(ORGANIZATION, place, place).group])


def test_a_channel_that_is_known_is_not_asked_for_again(alice, sent, monkeypatch):
    say(alice)
    drain()
    asked: list[Channel] = []
    known = selectors.last_ids

    def last_ids(channels, **options):
        asked.extend(channels)
        return known(channels, **options)

    monkeypatch.setattr(selectors, "last_ids", last_ids)
    say(alice)
    drain()
    assert asked == []


def test_a_user_has_a_channel_in_each_organization(alice, carol, sent) -> None:
    for person in (alice, carol, alice):
        say(person, user_id=alice.user.id)
    drain()
    for person in (alice, carol):
        links = sent[Channel(USER, alice.user.id, person.organization_id).group]
        assert chained(links)


def test_a_replay_has_the_same_links(alice, sent) -> None:
    for _ in range(5):
        say(alice, user_id=alice.user.id)
        say(alice)
    drain()
    channel = Channel(USER, alice.user.id, alice.organization_id)
    links = sent[channel.group]
    with tenancy.tenant(alice.organization_id):
        after = selectors.events_after(channel, links[1][0], limit=2)
        newest = selectors.last_ids([channel])[channel]
    assert [(one.id, one.prev) for one in after] == links[2:4]
    assert newest == links[-1][0]
