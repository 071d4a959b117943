"""Organizations, members, invitations, API keys, audit: who may do what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import ApiKey, AuditEntry, Invitation, Membership
from apps.core import tenancy
from tests.fixtures_cast import PASSWORD, JsonClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def objects(alice, bob):
    """Paths of one object of each kind in acme."""
    invited = alice.client.post("/api/invitations", {"email": "dave@example.com"})
    key = alice.client.post("/api/api-keys", {"name": "robot"})
    return {
        "member": f"/api/members/{bob.membership_id}",
        "invitation": f"/api/invitations/{invited.json()['id']}",
        "key": f"/api/api-keys/{key.json()['id']}",
    }


# Method, path, body, and the answers to alice (owner), bob (viewer), carol
# (stranger) and nobody.
ENDPOINTS = [
    ("get", "/api/auth/me", None, (200, 200, 200, 401)),
    ("patch", "/api/auth/me", {"name": "X"}, (200, 200, 200, 401)),
    ("get", "/api/organizations", None, (200, 200, 200, 401)),
    ("post", "/api/organizations", {"name": "New"}, (201, 201, 201, 401)),
    ("get", "/api/organizations/current", None, (200, 200, 200, 401)),
    ("patch", "/api/organizations/current", {"name": "N"}, (200, 403, 200, 401)),
    ("get", "/api/members", None, (200, 200, 200, 401)),
    ("patch", "member", {"role": "editor"}, (200, 403, 404, 401)),
    ("delete", "member", None, (204, 204, 404, 401)),
    ("get", "/api/invitations", None, (200, 403, 200, 401)),
    ("post", "/api/invitations", {"email": "e@example.com"}, (201, 403, 201, 401)),
    ("delete", "invitation", None, (204, 403, 404, 401)),
    ("get", "/api/api-keys", None, (200, 403, 200, 401)),
    ("post", "/api/api-keys", {"name": "k"}, (201, 403, 201, 401)),
    ("get", "key", None, (200, 403, 404, 401)),
    ("patch", "key", {"name": "k2"}, (200, 403, 404, 401)),
    ("delete", "key", None, (204, 403, 404, 401)),
    ("get", "/api/audit", None, (200, 403, 200, 401)),
]


@pytest.mark.parametrize("who", range(4), ids=["alice", "bob", "carol", "nobody"])
@pytest.mark.parametrize(
    ("method", "path", "body", "expected"), ENDPOINTS, ids=lambda value: str(value)[:24]
)
def test_every_endpoint_by_the_whole_cast(
    objects, alice, bob, carol, anonymous, who, method, path, body, expected
):
    client = [alice.client, bob.client, carol.client, anonymous][who]
    answer = getattr(client, method)(objects.get(path, path), body)
    assert answer.status_code == expected[who], answer.content


def test_lists_show_the_own_organization_only(objects, alice, carol):
    assert len(alice.client.get("/api/members").json()["results"]) == 2
    for path in ("/api/members", "/api/invitations", "/api/api-keys", "/api/audit"):
        shown = carol.client.get(path).json()["results"]
        assert "acme" not in str(shown)
        assert len(shown) <= 1


def test_lists_cost_a_constant_number_of_queries(
    alice, member, django_assert_max_num_queries
):
    for role in ("admin", "editor", "operator", "viewer"):
        member(role)
    with django_assert_max_num_queries(11):
        assert len(alice.client.get("/api/members").json()["results"]) == 5


# --- Organizations ----------------------------------------------------------------


def test_the_maker_of_an_organization_owns_it(bob):
    made = bob.client.post("/api/organizations", {"name": "Bob's own"}).json()
    mine = bob.client.get("/api/organizations").json()["results"]
    assert {(o["slug"], o["role"]) for o in mine} == {
        ("acme", "viewer"),
        (made["slug"], "owner"),
    }


def test_a_slug_of_another_organization_is_taken(alice, carol):
    answer = alice.client.patch("/api/organizations/current", {"slug": "other"})
    assert answer.status_code == 409
    assert alice.client.get("/api/organizations/current").json()["slug"] == "acme"


@pytest.mark.parametrize("slug", ["A b", "a/b", "é", "../x", "-", "x" * 64])
def test_a_slug_is_a_plain_word(alice, slug):
    answer = alice.client.patch("/api/organizations/current", {"slug": slug})
    assert answer.status_code == 400


# --- Members ----------------------------------------------------------------------


def change(by, whom, role):
    answer = by.client.patch(f"/api/members/{whom.membership_id}", {"role": role})
    return answer.status_code


def test_the_last_owner_stays(alice, bob):
    assert change(alice, alice, "viewer") == 409
    assert alice.client.delete(f"/api/members/{alice.membership_id}").status_code == 409
    assert change(alice, bob, "owner") == 200
    assert change(alice, alice, "viewer") == 200


def test_nobody_raises_themselves(bob, member):
    assert change(bob, bob, "editor") == 403
    admin = member("admin")
    assert change(admin, admin, "owner") == 403


def test_an_admin_neither_makes_nor_touches_owners(alice, bob, member):
    admin = member("admin")
    assert change(admin, bob, "owner") == 403
    assert change(admin, alice, "viewer") == 403
    assert admin.client.delete(f"/api/members/{alice.membership_id}").status_code == 403
    assert change(admin, bob, "admin") == 200


def test_members_may_leave(bob):
    assert bob.client.delete(f"/api/members/{bob.membership_id}").status_code == 204
    assert bob.client.get("/api/members").status_code == 401


def test_a_removed_members_keys_end(alice, member):
    admin = member("admin")
    key = admin.client.post("/api/api-keys", {"name": "robot"}).json()["key"]
    robot = JsonClient()
    robot.credentials(HTTP_X_API_KEY=key)
    assert robot.get("/api/members").status_code == 200
    alice.client.delete(f"/api/members/{admin.membership_id}")
    assert robot.get("/api/members").status_code == 401


def test_a_demoted_members_stronger_keys_end(alice, member):
    admin = member("admin")
    for role in ("editor", "viewer"):
        admin.client.post("/api/api-keys", {"name": role, "role": role})
    change(alice, admin, "viewer")
    with tenancy.system():
        left = ApiKey.objects.filter(revoked_at=None).values_list("name", flat=True)
        assert list(left) == ["viewer"]


def test_a_role_change_leaves_before_and_after(alice, bob):
    change(alice, bob, "editor")
    entry = alice.client.get("/api/audit?action=member.update").json()["results"][0]
    assert entry["before"] == {"email": bob.email, "role": "viewer"}
    assert entry["after"] == {"email": bob.email, "role": "editor"}
    assert (entry["user_id"], entry["ip"]) == (str(alice.user.id), "127.0.0.1")


# --- Invitations ------------------------------------------------------------------


@pytest.fixture
def invite(alice):
    """Invites an address and gives the token."""

    def invite(email="dave@example.com", role="editor", by=None):
        by = by or alice
        answer = by.client.post("/api/invitations", {"email": email, "role": role})
        return answer.json()["token"]

    return invite


def accept(client, token, **data):
    return client.post("/api/auth/invitations/accept", {"token": token, **data})


def test_a_new_user_joins_by_an_invitation(invite, anonymous):
    answer = accept(anonymous, invite(), password="a good long one", name="Dave")
    assert answer.status_code == 201
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    me = client.get("/api/auth/me").json()
    assert (me["email"], me["role"]) == ("dave@example.com", "editor")


def test_registering_with_an_invitation_joins_too(invite, anonymous, settings):
    settings.REGISTRATION = "invite"
    data = {
        "email": "dave@example.com",
        "password": "a good long one",
        "invitation": invite(),
    }
    answer = anonymous.post("/api/auth/register", data)
    assert answer.json()["organization"]["slug"] == "acme"


def test_a_signed_in_user_joins_by_an_invitation(invite, carol):
    answer = accept(carol.client, invite(email="Carol@Example.com"))
    assert answer.json()["organization"]["slug"] == "acme"
    assert len(carol.client.get("/api/organizations").json()["results"]) == 2


def test_an_account_that_exists_signs_in_to_accept(invite, carol, anonymous):
    answer = accept(anonymous, invite(email=carol.email), password=PASSWORD)
    assert answer.json()["code"] == "account_exists"


def test_an_invitation_works_once(invite, anonymous):
    token = invite()
    assert accept(anonymous, token, password="a good long one").status_code == 201
    again = accept(anonymous, token, password="a good long one")
    assert (again.status_code, again.json()["code"]) == (404, "invitation_not_valid")


def test_an_invitation_is_for_one_address(invite, anonymous, carol):
    token = invite()
    by_carol = accept(carol.client, token)
    by_other = accept(anonymous, token, email="eve@example.com", password="x" * 12)
    assert by_carol.json()["code"] == by_other.json()["code"] == "invitation_email"
    assert accept(anonymous, token, password="a good long one").status_code == 201


def test_an_invitation_ends_with_the_right_of_its_sender(
    invite, alice, member, anonymous
):
    admin = member("admin")
    token = invite(by=admin)
    change(alice, admin, "viewer")
    answer = accept(anonymous, token, password="a good long one")
    assert answer.json()["code"] == "invitation_not_valid"


def test_old_and_revoked_invitations_are_not_valid(invite, alice, anonymous):
    old, revoked = invite(email="a@example.com"), invite(email="b@example.com")
    with tenancy.system():
        past = timezone.now() - timedelta(seconds=1)
        Invitation.objects.filter(email="a@example.com").update(expires_at=past)
        number = Invitation.objects.get(email="b@example.com").id
    alice.client.delete(f"/api/invitations/{number}")
    for token in (old, revoked, "x", "\u202e"):
        assert accept(anonymous, token, password="x" * 12).status_code == 404


def test_a_poor_password_leaves_the_invitation_open(invite, anonymous):
    token = invite()
    assert accept(anonymous, token, password="short").status_code == 400
    assert accept(anonymous, token).json()["errors"][0]["path"] == "password"
    assert accept(anonymous, token, password="a good long one").status_code == 201


def test_admins_invite_nobody_above_themselves(member):
    data = {"email": "dave@example.com", "role": "owner"}
    answer = member("admin").client.post("/api/invitations", data)
    assert answer.json()["code"] == "role_too_low"


def test_members_are_not_invited(alice, bob):
    answer = alice.client.post("/api/invitations", {"email": bob.email})
    assert answer.status_code == 409


def test_the_token_of_an_invitation_is_shown_once(invite, alice):
    token = invite()
    shown = str(alice.client.get("/api/invitations").json())
    assert token not in shown
    assert "hash" not in shown


# --- API keys and audit -------------------------------------------------------------


def test_a_key_is_shown_once(alice):
    made = alice.client.post(
        "/api/api-keys", {"name": "robot", "scopes": ["read", "execute"]}
    ).json()
    assert made["key"].startswith(made["prefix"])
    shown = alice.client.get(f"/api/api-keys/{made['id']}").json()
    assert "key" not in shown
    assert shown["scopes"] == ["execute", "read"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"role": "king"}, "role"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["fly"]}, "scopes[0]"),
        ({"scopes": "read"}, "scopes"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "infinity"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:60Z"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "a\nb"}, "name"),
        ({"name": 5}, "name"),
        ({"nmae": "x"}, "nmae"),
    ],
    ids=str,
)
def test_a_wrong_key_is_refused_by_path(alice, change, path):
    answer = alice.client.post("/api/api-keys", {"name": "robot", **change})
    assert answer.status_code == 400
    assert path in [error["path"] for error in answer.json()["errors"]]


def test_no_key_is_an_owners(alice):
    answer = alice.client.post("/api/api-keys", {"name": "robot", "role": "owner"})
    assert answer.status_code == 403


def test_every_write_is_in_the_audit_trail(objects, alice):
    for path in objects.values():
        alice.client.delete(path)
    alice.client.patch("/api/organizations/current", {"name": "Acme 2"})
    with tenancy.tenant(alice.organization_id):
        actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions == {
        *("invitation.create", "invitation.revoke", "api_key.create"),
        *("api_key.revoke", "member.remove", "organization.update"),
    }


def test_the_trail_is_filtered(objects, alice):
    def count(query):
        return len(alice.client.get(f"/api/audit?{query}").json()["results"])

    assert count("target_type=api_key") == 1
    assert count(f"user_id={alice.user.id}") == 2
    assert count("since=2100-01-01T00:00:00Z") == 0


def test_a_refused_change_leaves_nothing(alice, bob, member):
    admin = member("admin")
    change(admin, alice, "viewer")
    with tenancy.tenant(alice.organization_id):
        assert not AuditEntry.objects.exists()
        assert Membership.objects.get(user=alice.user).role == "owner"


LIMITS = ("max_concurrent", "keep_completed_days", "keep_failed_days", "keep_last")
CURRENT = "/api/organizations/current"


def test_limits_and_retention_are_the_installations_until_changed(alice):
    shown = alice.client.get(CURRENT).json()
    assert {name: shown[name] for name in LIMITS} == dict.fromkeys(LIMITS)


@pytest.mark.parametrize("name", LIMITS)
def test_an_admin_changes_a_limit_and_takes_it_back(alice, name):
    assert alice.client.patch(CURRENT, {name: 7}).json()[name] == 7
    assert alice.client.patch(CURRENT, {"name": "Acme 2"}).json()[name] == 7
    assert alice.client.patch(CURRENT, {name: None}).json()[name] is None
    with tenancy.tenant(alice.organization_id):
        entries = AuditEntry.objects.filter(action="organization.update")
        assert entries.order_by("id").first().after[name] == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in LIMITS for value in (-1, 10**12, "5", True, 1.5)],
        ("max_concurrent", 0),
        ("keep_completed_days", 36_501),
        ("keep_last", 10_001),
    ],
)
def test_a_limit_out_of_range_is_refused(alice, name, value):
    answer = alice.client.patch(CURRENT, {name: value})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == name
    assert alice.client.get(CURRENT).json()[name] is None
