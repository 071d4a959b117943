"""One channel's members and the order of its events, without a server."""

import uuid

from apps.events.channels import EXECUTIONS, Channel
from apps.events.published import Linked
from apps.realtime.frames import Chunk, framed, message
from apps.realtime.rooms import Member, Room

CHANNEL = Channel(EXECUTIONS, uuid.UUID(int=1), uuid.UUID(int=2))


class Paper:
    """A wire that keeps what is written."""

    is_closed = False
    waiting_bytes = 0

    def __init__(self) -> None:
        self.ids: list[int] = []

    def write(self, chunk: Chunk) -> None:
        self.ids += chunk.ids

    def close(self, code: int, reason: str) -> None:
        """Nothing to close."""


def events(*ids: int, prev: int) -> list[Linked]:
    found = []
    for number in ids:
        found.append(Linked(number, prev, "", f'{{"id":{number}}}'))
        prev = number
    return found


def room(last: int) -> Room:
    made = Room(CHANNEL)
    made.last = last
    return made


def test_takes_what_follows_and_nothing_twice() -> None:
    one = room(3)
    fresh = one.hear(events(2, 3, 5, prev=1))
    assert [event.id for event in fresh] == [5]
    one.deliver(fresh, {})
    assert one.hear(events(5, prev=3)) == []
    assert not one.is_behind


def test_holds_everything_back_behind_a_gap_until_it_is_filled() -> None:
    one = room(3)
    assert one.hear(events(9, prev=7)) == []
    assert one.is_behind
    assert one.hear(events(10, prev=9)) == []
    one.deliver(events(7, 9, 10, prev=3), {})
    assert not one.is_behind
    assert [event.id for event in one.hear(events(11, prev=10))] == [11]


def test_an_unknown_event_before_is_no_gap() -> None:
    assert [event.id for event in room(3).hear(events(8, prev=0))] == [8]


def test_nothing_is_delivered_before_it_is_known_where_the_channel_stands() -> None:
    one = Room(CHANNEL)
    assert one.hear(events(4, prev=3)) == []
    one.last = 3
    assert one.is_behind


def test_a_member_is_let_in_only_with_all_that_was_delivered() -> None:
    one, paper = room(5), Paper()
    member = Member(paper, 3)
    assert not one.admit(member)
    member.position = 5
    assert one.admit(member)
    one.deliver(events(6, prev=5), {})
    assert paper.ids == [6]


def test_a_member_that_is_ahead_gets_only_the_rest() -> None:
    one, paper = room(5), Paper()
    assert one.admit(Member(paper, 7))
    one.deliver(events(6, 7, 8, 9, prev=5), {})
    one.deliver(events(10, prev=9), {})
    assert paper.ids == [8, 9, 10]


def test_frames_have_the_length_that_they_say() -> None:
    assert framed(b"x" * 125)[:2] == bytes((0x81, 125))
    assert framed(b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert framed(b"x" * 65536)[:10] == b"\x81\x7f" + (65536).to_bytes(8, "big")


def test_a_message_is_text() -> None:
    assert message("ping", a=1).texts == (b'{"type":"ping","a":1}',)
