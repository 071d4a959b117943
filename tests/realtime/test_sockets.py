"""Clients of a real web process: who is let in, and what they are told."""

import pytest

from tests.realtime.conftest import Web, organization, tell

pytestmark = pytest.mark.e2e


def test_a_token_comes_with_the_connection(web: Web, alice) -> None:
    socket = web.connect(subprotocols=["rpa.v1", f"bearer.{alice.access}"])
    assert socket.connection.subprotocol == "rpa.v1"
    told = socket.hear()
    assert (told["type"], told["user_id"]) == ("authenticated", str(alice.user.id))


def test_tells_what_happens_in_order_each_naming_the_one_before(web: Web, alice):
    tell(alice, "before")
    socket = web.sign_in(alice)
    answer = socket.subscribe(organization(alice))
    assert answer["type"] == "subscribed"
    tell(alice, "a", "b")
    tell(alice, "c")
    heard = [socket.hear() for _ in range(3)]
    assert [one["n"] for one in heard] == ["a", "b", "c"]
    assert [one["prev"] for one in heard] == [
        answer["last_event_id"],
        heard[0]["id"],
        heard[1]["id"],
    ]
