"""The protocol of one client, without a client."""

import json

import pytest

from apps.realtime.connection import (
    Authenticate,
    Close,
    Connection,
    Say,
    Subscribe,
    Unsubscribe,
)
from apps.realtime.limits import BURST, FRAME_BYTES, Limits

LIMITS = Limits(subscriptions=3)


def new(*, known: bool = True, until: float | None = None) -> Connection:
    """A connection made at time 0."""
    connection = Connection(LIMITS, 0.0)
    if known:
        connection.authenticate("t")
        connection.welcome(until)
    return connection


def text(action: str, **values: object) -> str:
    return json.dumps({"action": action, **values})


def tick(connection: Connection, now: float) -> list[object]:
    return list(connection.tick(now, lambda: {"c": 7}))


def codes(actions) -> list[object]:
    """What is said and closed, shortly."""
    found: list[object] = []
    for action in actions:
        if isinstance(action, Say):
            found.append(action.values.get("code", action.type))
        else:
            found.append(action.code if isinstance(action, Close) else action)
    return found


def test_the_first_message_authenticates() -> None:
    connection = new(known=False)
    assert connection.receive(text("authenticate", token="t"), 1) == [Authenticate("t")]
    assert codes(connection.welcome(None, user_id="u")) == ["authenticated"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "not_json"),
        (b"{}", "not_text"),
        ("[]", "invalid"),
        ("{}", "unknown_action"),
        ('{"action": ["subscribe"]}', "unknown_action"),
        ('{"action": "a", "action": "b"}', "invalid"),
        ("[" * 9 + "]" * 9, "too_deep"),
        ('{"action": "pong\\ud800"}', "invalid_text"),
        (text("shout"), "unknown_action"),
    ],
)
def test_what_is_no_message_is_told_and_ends_only_who_is_unknown(content, code) -> None:
    assert codes(new().receive(content, 1)) == [code]
    assert codes(new(known=False).receive(content, 1)) == [code, 4401]


@pytest.mark.parametrize("token", [None, "", 7, "x" * 5000])
def test_what_is_no_token_is_not_looked_up(token) -> None:
    found = new(known=False).receive(text("authenticate", token=token), 1)
    assert codes(found) == ["invalid", 4401]


def test_nothing_else_before_it_is_known_who_asks() -> None:
    found = new(known=False).receive(text("subscribe", channel="c"), 1)
    assert codes(found) == ["not_authenticated", 4401]


def test_who_says_nothing_is_closed_but_not_while_we_look_for_the_token() -> None:
    connection = new(known=False)
    assert codes(tick(connection, 4.9)) == []
    assert codes(tick(connection, 5.0)) == ["not_authenticated", 4401]
    waiting = new(known=False)
    waiting.authenticate("t")
    assert codes(tick(waiting, 30)) == []


def test_a_token_that_is_refused_ends_nothing_that_a_good_one_began() -> None:
    assert codes(new().refuse("token_not_valid", "no")) == ["token_not_valid"]
    assert codes(new(known=False).refuse("x", "no")) == ["x", 4401]


def test_an_expired_token_is_told_and_another_in_time_goes_on() -> None:
    connection = new(until=10)
    assert codes(tick(connection, 9.9)) == []
    assert codes(tick(connection, 10)) == ["token_expired", 4401]
    renewed = new(until=10)
    renewed.receive(text("authenticate", token="u"), 5)
    renewed.welcome(50)
    assert "token_expired" not in codes(tick(renewed, 11))


@pytest.mark.parametrize("after", [None, 0, 2**63 - 1])
def test_subscribes_from_now_on_or_after_an_event(after) -> None:
    found = new().receive(text("subscribe", channel="c", last_event_id=after), 1)
    assert found == [Subscribe("c", after)]


@pytest.mark.parametrize("after", [-1, 2**63, 1.5, "7", True, [], {}])
def test_refuses_what_is_no_id(after) -> None:
    found = new().receive(text("subscribe", channel="c", last_event_id=after), 1)
    assert codes(found) == ["invalid"]


def test_subscriptions_are_counted_once_for_each_channel() -> None:
    connection = new()
    for name in ("a", "b", "b", "c"):
        assert connection.receive(text("subscribe", channel=name), 1)[0] == Subscribe(
            name, None
        )
    found = connection.receive(text("subscribe", channel="d"), 1)
    assert codes(found) == ["too_many_subscriptions"]
    connection.receive(text("unsubscribe", channel="a"), 1)
    assert connection.receive(text("subscribe", channel="d"), 1) == [
        Subscribe("d", None)
    ]


def test_a_refused_channel_is_not_counted() -> None:
    connection = new()
    for name in "abcdef":
        connection.receive(text("subscribe", channel=name), 1)
        connection.drop(name, Say("error", {}))
    assert connection.channels == set()


def test_unsubscribes_only_what_it_hears() -> None:
    connection = new()
    connection.receive(text("subscribe", channel="c"), 1)
    found = connection.receive(text("unsubscribe", channel="c"), 1)
    assert found[0] == Unsubscribe("c")
    assert codes(found[1:]) == ["unsubscribed"]
    assert codes(connection.receive(text("unsubscribe", channel="c"), 1)) == [
        "not_subscribed"
    ]


def test_pings_with_the_last_events_while_it_answers() -> None:
    connection = new()
    assert tick(connection, 20) == [Say("ping", {"last_event_id": {"c": 7}})]
    assert tick(connection, 21) == []
    connection.receive(text("pong"), 21)
    assert codes(tick(connection, 80)) == ["ping"]
    assert codes(tick(connection, 81)) == [4408]


def test_answers_a_ping() -> None:
    assert codes(new().receive('{"type": "ping"}', 1)) == ["pong"]


def test_a_flood_is_closed_and_a_steady_flow_is_not() -> None:
    connection = new()
    found = [codes(connection.receive(text("pong"), 1)) for _ in range(BURST + 1)]
    assert found[-1] == ["too_many_messages", 1008]
    assert found[:-1] == [[]] * BURST
    steady = new()
    assert not any(steady.receive(text("pong"), n / 10) for n in range(1000))


def test_a_message_that_is_too_big_is_closed_without_being_read() -> None:
    assert codes(new().receive("[" * (FRAME_BYTES + 1), 1)) == [1009]
