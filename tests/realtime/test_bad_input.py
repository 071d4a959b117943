"""What a client may try: odd tokens, floods, lines that go dead, rights that end."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from apps.accounts.models import Membership, SignIn, User
from apps.accounts.roles import Role
from apps.accounts.services.signing_in import sign_in_end
from apps.accounts.tokens import SocketAccess, access_token
from apps.core import tenancy
from apps.events import layer
from apps.events.channels import ORGANIZATION, Channel
from apps.realtime import presence
from tests.faults.gate import gate_to
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import wait_for
from tests.realtime.conftest import Web, organization, tell

pytestmark = pytest.mark.e2e


# --- tokens ---------------------------------------------------------------------------


def token(person: Person, seconds: int = 60, **options: object) -> str:
    """A token of this person's sign-in."""
    known = SignIn.objects.get(id=person.viewer.sign_in_id)
    place = options.pop("place", person.organization_id)
    lifetime = timedelta(seconds=seconds)
    return access_token(person.user, known, place, lifetime, **options)


def signed_by_another(person: Person) -> str:
    claims = jwt.decode(person.access, options={"verify_signature": False})
    key = "another key of enough bytes to be one"
    return jwt.encode(claims, key, headers=jwt.get_unverified_header(person.access))


def of_one_signed_out(person: Person) -> str:
    assert person.viewer.sign_in_id is not None
    sign_in_end(person.viewer.sign_in_id)
    return person.access


def of_one_deactivated(person: Person) -> str:
    User.objects.filter(id=person.user.id).update(is_active=False)
    return person.access


BAD_TOKENS: dict[str, Callable[[Person], str]] = {
    "expired": lambda person: token(person, -1),
    "a refresh token": lambda person: person.refresh,
    "of another platform": signed_by_another,
    "changed": lambda person: person.access[:-2] + "AA",
    "of one who signed out": of_one_signed_out,
    "of one who was deactivated": of_one_deactivated,
}


@pytest.mark.parametrize("which", BAD_TOKENS)
def test_a_token_that_is_no_good_any_more_is_told_and_closed(web, bob, which) -> None:
    text = BAD_TOKENS[which](bob)
    first, last = web.connect(), web.connect(subprotocols=["rpa.v1", f"bearer.{text}"])
    first.say("authenticate", token=text)
    for socket in (first, last):
        code, heard = socket.closed()
        assert (code, [one["code"] for one in heard]) == (4401, ["token_not_valid"])


def test_a_token_that_names_a_foreign_organization_opens_nothing_there(
    web: Web, alice: Person, carol: Person
) -> None:
    text = token(alice, place=carol.organization_id)
    socket = web.connect(subprotocols=["rpa.v1", f"bearer.{text}"])
    with suppress(ConnectionClosed):
        assert socket.hear().get("organization_id") != str(carol.organization_id)
        for name in (organization(carol), f"user-notifications:{carol.user.id}"):
            assert socket.subscribe(name)["code"] == "unknown_channel"


def test_a_connection_hears_the_organization_of_its_token_alone(
    web: Web, alice: Person, carol: Person
) -> None:
    with tenancy.system():
        Membership.objects.create(
            organization=carol.organization, user=alice.user, role=Role.VIEWER
        )
    here, there = (
        web.sign_in(token(alice, place=one.organization_id)) for one in (alice, carol)
    )
    assert here.subscribe(organization(carol))["code"] == "unknown_channel"
    assert there.subscribe(organization(carol))["type"] == "subscribed"
    tell(carol, "there")
    tell(alice, "here")
    assert there.hear()["n"] == "there"
    other = here.subscribe(organization(alice), last_event_id=0)
    assert (other["type"], here.hear()["n"]) == ("subscribed", "here")


def test_a_pages_token_may_be_used_again_and_opens_nothing_else(web, alice) -> None:
    page = token(alice, kind=SocketAccess)
    for _ in range(2):  # it is no ticket: what bounds it is its time
        web.sign_in(page)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {page}")
    assert client.get("/api/auth/me").status_code == 401


def test_who_was_closed_for_an_expired_token_goes_on_with_a_new_one(
    web: Web, alice: Person
) -> None:
    socket = web.sign_in(token(alice, 2))
    after = socket.subscribe(organization(alice))["last_event_id"]
    tell(alice, "a")
    after = socket.until("note")["id"]
    code, heard = socket.closed()
    assert (code, heard[-1]["code"]) == (4401, "token_expired")
    tell(alice, "b", "c")
    again = web.sign_in(alice)
    again.subscribe(organization(alice), last_event_id=after)
    tell(alice, "d")
    assert [again.hear()["n"] for _ in range(3)] == ["b", "c", "d"]


# --- floods ---------------------------------------------------------------------------

FLOODS = {
    "1,000 subscribes": (1_000, "subscribe"),
    "10,000 subscribes": (10_000, "subscribe"),
    "1,000 messages in a second": (1_000, "pong"),
    "10,000 unknown actions": (10_000, "shout"),
}


@pytest.mark.parametrize("which", FLOODS)
def test_a_flood_is_closed_and_others_hear_all(web, alice, bob, which) -> None:
    count, action = FLOODS[which]
    other = web.sign_in(bob)
    other.subscribe(organization(bob))
    flooder = web.sign_in(alice, max_queue=None)
    with suppress(ConnectionClosed):
        for number in range(count):
            flooder.say(action, channel=f"workflow-status:{number}")
    code, heard = flooder.closed()
    assert code == 1008
    assert heard[-1]["code"] == "too_many_messages"
    tell(alice, "a", "b")
    assert [other.hear()["n"] for _ in range(2)] == ["a", "b"]


def test_a_flood_before_it_is_known_who_asks_is_closed_at_once(web: Web) -> None:
    socket = web.connect(max_queue=None)
    with suppress(ConnectionClosed):
        for _ in range(1_000):
            socket.say("subscribe", channel="x")
    code, heard = socket.closed()
    assert (code, [one["code"] for one in heard]) == (4401, ["not_authenticated"])


# --- lines that go dead ---------------------------------------------------------------


def listened(person: Person) -> bool:
    """Whether any process listens for the organization of this person."""
    place = person.organization_id
    group = Channel(ORGANIZATION, place, place).group
    client = presence.connect()
    try:
        return bool(layer.listened(client, [group]))
    finally:
        client.close()


def test_a_half_open_connection_is_closed_and_cleaned_up(web, alice) -> None:
    with gate_to("127.0.0.1", web.port) as gate:
        through = Web(web.program, gate.port)
        socket = through.sign_in(alice)
        socket.subscribe(organization(alice))
        wait_for(lambda: listened(alice))
        gate.is_silent = True  # nothing passes, and nobody hears of an end
        wait_for(lambda: not listened(alice), what="the silent one is cleaned up")
        gate.is_silent = False
        code, heard = socket.closed()
        assert code == 4408
        assert {one["type"] for one in heard} <= {"ping"}
        through.open.close()


# --- rights that end ------------------------------------------------------------------


def change(person: Person, **values: object) -> None:
    with tenancy.system():
        Membership.objects.filter(id=person.membership_id).update(**values)


def test_who_gets_another_role_hears_on(web: Web, alice: Person, member) -> None:
    admin = member("admin")
    socket = web.sign_in(admin)
    socket.subscribe(organization(alice))
    change(admin, role=Role.VIEWER)
    socket.until("ping")
    socket.until("ping")  # looked at again between the two
    tell(alice, "a")
    assert socket.until("note")["n"] == "a"


@pytest.mark.parametrize(
    "values", [{"is_active": False}, {"session_version": 99}], ids=str
)
def test_who_may_not_sign_in_any_more_is_closed(web, bob, values) -> None:
    socket = web.sign_in(bob)
    socket.subscribe(organization(bob))
    User.objects.filter(id=bob.user.id).update(**values)
    code, heard = socket.closed()
    assert (code, heard[-1]["code"]) == (4401, "signed_out")


def test_what_is_told_after_a_membership_has_ended_is_not_heard(web, bob) -> None:
    socket = web.sign_in(bob)
    socket.subscribe(organization(bob))
    with tenancy.system():
        Membership.objects.filter(id=bob.membership_id).delete()
    told = socket.until("unsubscribed")
    assert (told["channel"], told["reason"]) == (organization(bob), "no_access")
    tell(bob, "late")
    code, heard = socket.closed()
    assert code == 4401
    assert "late" not in json.dumps(heard)
