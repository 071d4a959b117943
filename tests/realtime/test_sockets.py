"""Clients of a real web process: who is let in, and what they are told."""

import json
import socket as sockets
from datetime import timedelta

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from apps.accounts.models import ApiKey, Membership, SignIn
from apps.accounts.services.signing_in import sign_in_end
from apps.accounts.tokens import SocketAccess, access_token
from apps.core import tenancy
from apps.core.ids import uuid7
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine
from tests.realtime.conftest import (
    NOBODY,
    Web,
    organization,
    publish,
    say,
    tell,
    tell_fast,
)

pytestmark = pytest.mark.e2e


# --- who it is ------------------------------------------------------------------------


def test_a_token_comes_with_the_connection(web: Web, alice: Person) -> None:
    socket = web.connect(subprotocols=["rpa.v1", f"bearer.{alice.access}"])
    assert socket.connection.subprotocol == "rpa.v1"
    told = socket.hear()
    assert (told["type"], told["user_id"]) == ("authenticated", str(alice.user.id))
    assert told["organization_id"] == str(alice.organization_id)


def test_or_with_the_first_message(web: Web, alice: Person) -> None:
    socket = web.connect()
    socket.say("authenticate", token=alice.access)
    assert socket.hear()["type"] == "authenticated"


def test_pages_and_programs_have_tokens_of_their_own(web, alice, api_key) -> None:
    with tenancy.system():
        known = SignIn.objects.get(id=alice.viewer.sign_in_id)
    page = access_token(alice.user, known, alice.organization_id, kind=SocketAccess)
    web.sign_in(page)
    key = api_key("read")._credentials["HTTP_X_API_KEY"]
    program = web.sign_in(key)
    assert program.subscribe(organization(alice))["type"] == "subscribed"
    with tenancy.system():
        ApiKey.objects.update(revoked_at="2020-01-01T00:00Z")
    assert program.closed()[0] == 4401


@pytest.mark.parametrize("token", ["x", "rpa_no", "eyJhbGciOiJub25lIn0.e30."])
def test_a_bad_token_is_told_and_closed(web: Web, token: str) -> None:
    by_protocol = web.connect(subprotocols=["rpa.v1", f"bearer.{token}"])
    by_message = web.connect()
    by_message.say("authenticate", token=token)
    for socket in (by_protocol, by_message):
        code, heard = socket.closed()
        assert (code, heard[0]["code"]) == (4401, "token_not_valid")


def test_a_token_in_the_address_is_refused_and_not_logged(web, alice) -> None:
    for query in (f"?token={alice.access}", f"?x={alice.access}", "?ticket=1"):
        code, heard = web.connect(query=query).closed()
        assert (code, heard[0]["code"]) == (4401, "token_in_address")
    assert web.program.log is not None
    assert "eyJ" not in web.program.log.read_text()


def test_a_first_message_that_is_late_or_none_is_closed(web: Web) -> None:
    silent, binary, text = web.connect(), web.connect(), web.connect()
    binary.connection.send(b'{"action":"authenticate"}')
    text.connection.send("hello")
    assert binary.closed()[1][0]["code"] == "not_text"
    code, heard = text.closed()
    assert (code, heard[0]["code"]) == (4401, "not_json")
    assert silent.closed()[0] == 4401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://", "http:"])
def test_pages_of_other_sites_are_refused(web: Web, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        web.connect(origin=origin)
    assert refused.value.response.status_code == 403


def test_pages_of_this_site_are_let_in_and_others_are_told_why(web, alice) -> None:
    own = f"http://127.0.0.1:{web.port}"
    web.sign_in(alice, origin=own)
    answers = [
        httpx.get(f"{own}/ws", params={"origin": origin})
        for origin in (own, "https://evil.example")
    ]
    assert [one.status_code for one in answers] == [426, 426]
    assert [one.json()["origin_allowed"] for one in answers] == [True, False]


# --- what it may hear -----------------------------------------------------------------


def test_a_foreign_channel_looks_like_one_that_does_not_exist(
    web: Web, alice: Person, bob: Person, carol: Person
) -> None:
    theirs = Engine(carol.viewer).workflow({"steps": [{"type": "stop"}]})
    socket = web.sign_in(bob)
    names = [
        organization(carol),
        f"workflow-execution:{theirs.id}",
        f"workflow-status:{theirs.id}",
        f"workflow-status:{NOBODY}",
        f"user-notifications:{alice.user.id}",
        f"user-notifications:{carol.user.id}",
    ]
    answers = [socket.subscribe(name) for name in names]
    text = {(one["type"], one["code"], one["message"]) for one in answers}
    assert text == {("error", "unknown_channel", "The channel does not exist.")}
    assert [one["channel"] for one in answers] == names


@pytest.mark.parametrize(
    "name",
    ["", "x", "workflow-status:", f"no-such:{NOBODY}", "workflow-status:*", "x" * 9000],
)
def test_odd_names_of_channels_are_unknown(web: Web, alice: Person, name: str) -> None:
    assert web.sign_in(alice).subscribe(name)["code"] == "unknown_channel"


def test_tells_what_happens_in_order_each_naming_the_one_before(web, alice) -> None:
    tell(alice, "before")
    socket = web.sign_in(alice)
    answer = socket.subscribe(organization(alice))
    assert answer["type"] == "subscribed"
    tell(alice, "a", "b")
    tell(alice, "c")
    heard = [socket.hear() for _ in range(3)]
    assert [one["n"] for one in heard] == ["a", "b", "c"]
    before = [answer["last_event_id"], heard[0]["id"], heard[1]["id"]]
    assert [one["prev"] for one in heard] == before


def test_an_event_says_what_it_is_about(web: Web, alice: Person) -> None:
    workflow = Engine(alice.viewer).workflow(
        {"name": "Größe <b>", "steps": [{"type": "stop"}]}
    )
    execution = uuid7()
    publish()
    socket = web.sign_in(alice)
    channel = f"workflow-execution:{workflow.id}"
    socket.subscribe(channel)
    tell(alice, "x", type_="execution-queued", workflow_id=workflow.id)  # not of one
    about = {"workflow_id": workflow.id, "execution_id": execution}
    tell(alice, "y", type_="execution-completed", **about)
    heard = socket.hear()
    assert heard.pop("id") > 0
    assert heard.pop("timestamp").endswith("+00:00")
    assert heard == {
        "type": "execution-completed",
        "channel": channel,
        "prev": 0,
        "executionId": str(execution),
        "workflowId": str(workflow.id),
        "workflowName": "Größe <b>",
        "n": "y",
    }


def test_one_connection_hears_several_channels_until_it_unsubscribes(web, alice):
    socket = web.sign_in(alice)
    own = f"user-notifications:{alice.user.id}"
    socket.subscribe(own)
    socket.subscribe(organization(alice))
    tell(alice, "a", user_id=alice.user.id)
    assert {socket.hear()["channel"] for _ in range(2)} == {own, organization(alice)}
    socket.say("unsubscribe", channel=organization(alice))
    assert socket.hear() == {
        "type": "unsubscribed",
        "channel": organization(alice),
        "reason": "asked",
    }
    tell(alice, "b", user_id=alice.user.id)
    assert socket.hear()["channel"] == own


def test_what_a_user_is_told_in_another_organization_stays_there(
    web: Web, alice: Person, carol: Person
) -> None:
    socket = web.sign_in(alice)
    socket.subscribe(f"user-notifications:{alice.user.id}", last_event_id=0)
    tell(carol, "there", user_id=alice.user.id)
    tell(alice, "here", user_id=alice.user.id)
    assert socket.hear()["n"] == "here"


# --- what it missed -------------------------------------------------------------------


def test_what_was_missed_comes_in_order_and_then_what_is_new(web, alice) -> None:
    tell_fast(alice, 1200)
    socket = web.sign_in(alice)
    answer = socket.subscribe(organization(alice), last_event_id=0)
    assert answer["last_event_id"] == 0
    tell(alice, "new")
    heard = [socket.hear() for _ in range(1201)]
    assert [one["n"] for one in heard] == [*range(1200), "new"]
    assert [one["prev"] for one in heard[1:]] == [one["id"] for one in heard[:-1]]


def test_what_is_too_long_ago_or_never_was_is_told(web: Web, alice: Person) -> None:
    tell_fast(alice, 3001)
    socket = web.sign_in(alice)
    far = socket.subscribe(organization(alice), last_event_id=0)
    assert (far["code"], far["oldest_event_id"] > 0) == ("replay_too_long", True)
    ahead = socket.subscribe(organization(alice), last_event_id=10**9)
    assert ahead["code"] == "unknown_event"
    assert socket.subscribe(organization(alice))["type"] == "subscribed"


def test_a_ping_says_how_far_each_channel_is(web: Web, alice: Person) -> None:
    socket = web.sign_in(alice)
    socket.subscribe(organization(alice))
    tell(alice, "a")
    number = socket.hear()["id"]
    assert socket.until("ping")["last_event_id"] == {organization(alice): number}


# --- what ends it ---------------------------------------------------------------------


def test_who_is_no_member_any_more_hears_no_more(web: Web, alice, bob) -> None:
    socket = web.sign_in(bob)
    socket.subscribe(organization(bob))
    with tenancy.system():
        Membership.objects.filter(id=bob.membership_id).delete()
    code, heard = socket.closed()
    told = [one for one in heard if one["type"] != "ping"]
    assert (code, told[0]["type"]) == (4401, "unsubscribed")
    assert told[0]["channel"] == organization(bob)
    assert told[1]["code"] == "membership_ended"


def test_who_signed_out_is_closed(web: Web, alice: Person) -> None:
    socket = web.sign_in(alice)
    assert alice.viewer.sign_in_id is not None
    sign_in_end(alice.viewer.sign_in_id)
    code, heard = socket.closed()
    assert (code, heard[-1]["code"]) == (4401, "signed_out")


def short_token(person: Person, seconds: int) -> str:
    """A token of the same sign-in that expires soon."""
    known = SignIn.objects.get(id=person.viewer.sign_in_id)
    lifetime = timedelta(seconds=seconds)
    return access_token(person.user, known, person.organization_id, lifetime)


def test_an_expired_token_is_told_and_a_new_one_goes_on(web: Web, alice) -> None:
    ends, goes_on = (web.sign_in(short_token(alice, 2)) for _ in range(2))
    goes_on.subscribe(organization(alice))
    goes_on.say("authenticate", token=alice.access)
    assert goes_on.hear()["type"] == "authenticated"
    code, heard = ends.closed()
    assert (code, heard[-1]["code"]) == (4401, "token_expired")
    tell(alice, "still here")
    assert goes_on.hear()["n"] == "still here"


def test_another_users_token_does_not_go_on(web: Web, alice, bob) -> None:
    socket = web.sign_in(alice)
    socket.say("authenticate", token=bob.access)
    code, heard = socket.closed()
    assert (code, heard[-1]["code"]) == (4401, "other_holder")


def test_messages_that_are_none_are_told_and_end_nothing(web: Web, alice) -> None:
    socket = web.sign_in(alice)
    for content in ("nope", "[]", b"\x00", '{"action": "shout"}', "[" * 99):
        socket.connection.send(content)
    found = [socket.hear()["code"] for _ in range(5)]
    assert found == ["not_json", "invalid", "not_text", "unknown_action", "too_deep"]
    assert socket.subscribe(organization(alice))["type"] == "subscribed"


def test_a_message_of_a_megabyte_is_closed(web: Web, alice: Person) -> None:
    known, unknown = web.sign_in(alice), web.connect()
    for socket in (known, unknown):
        socket.connection.send("x" * 1024 * 1024)
        assert socket.closed()[0] == 1009


def test_more_subscriptions_than_allowed_are_refused(web: Web, alice) -> None:
    engine = Engine(alice.viewer)
    document = {"steps": [{"type": "stop"}]}
    ids = [engine.workflow(document).id for _ in range(11)]
    socket = web.sign_in(alice)
    answers = [socket.subscribe(f"workflow-status:{id_}") for id_ in ids]
    assert [one["type"] for one in answers] == ["subscribed"] * 10 + ["error"]
    assert answers[-1]["code"] == "too_many_subscriptions"


def test_more_connections_of_a_user_than_allowed_are_refused(web, alice, bob) -> None:
    for _ in range(24):
        web.sign_in(alice)
    one_more = web.connect()
    one_more.say("authenticate", token=alice.access)
    code, heard = one_more.closed()
    assert (code, heard[0]["code"]) == (1008, "too_many_connections")
    web.sign_in(bob)


def test_who_reads_nothing_is_cut_and_can_catch_up(web: Web, alice: Person) -> None:
    plain = sockets.socket()
    plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", web.port))
    slow = web.sign_in(alice, sock=plain, max_queue=1)
    slow.subscribe(organization(alice))
    for start in range(0, 300, 10):
        for number in range(start, start + 10):
            say(alice, [number, "x" * 8000])
        publish()
    code, heard = slow.closed()
    had = [one for one in heard if one["type"] == "note"]
    assert code == 4408
    assert len(had) < 300
    again = web.sign_in(alice)
    again.subscribe(organization(alice), last_event_id=had[-1]["id"])
    had += [again.hear() for _ in range(300 - len(had))]
    assert [one["n"][0] for one in had] == list(range(300))


# --- steps ----------------------------------------------------------------------------


def test_steps_are_told_while_somebody_watches(web: Web, alice: Person) -> None:
    engine = Engine(alice.viewer)
    steps = [
        {"id": "a", "type": "set_variable", "params": {"name": "x", "value": 1}},
        {"id": "b", "type": "stop", "params": {"status": "failed", "message": "s3"}},
    ]
    workflow = engine.workflow({"steps": steps})
    socket = web.sign_in(alice)
    socket.subscribe(f"workflow-execution:{workflow.id}")
    execution = engine.run(workflow)
    heard = [socket.hear() for _ in range(4)]
    assert [(one["type"], one["path"]) for one in heard] == [
        ("step-started", "a"),
        ("step-completed", "a"),
        ("step-started", "b"),
        ("step-completed", "b"),
    ]
    assert {one["executionId"] for one in heard} == {str(execution.id)}
    assert not any("id" in one or "prev" in one for one in heard)
    assert heard[0]["workflowName"] == workflow.name
    publish()
    assert socket.until("execution-failed")["id"] > 0
    assert "s3" not in json.dumps(heard)
