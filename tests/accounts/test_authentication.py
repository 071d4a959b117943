"""Tokens and keys: what is taken, and that everything else is 401."""

import time
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.errors import Unauthenticated
from apps.accounts.models import ApiKey, Membership, SignIn, User
from apps.accounts.standing import holder_of
from apps.accounts.tokens import KeyedBackend, _key
from apps.core import tenancy
from tests.fixtures_cast import JsonClient

pytestmark = pytest.mark.django_db
KEY_ID = KeyedBackend("HS256").key_id

# An identifier that nothing has; fixed, since parallel runs compare names of tests.
NOBODY = "0190a000-0000-7000-8000-000000000000"


def ask(token: str, **headers: str):
    client = JsonClient()
    return client.get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}", **headers)


def signed(claims, *, algorithm="HS256", key=None, kid=KEY_ID):
    return jwt.encode(
        claims,
        _key("access") if key is None else key,
        algorithm,
        headers={"kid": kid},
    )


@pytest.fixture
def claims(alice):
    """The claims of alice's token."""
    return jwt.decode(alice.access, options={"verify_signature": False})


def test_a_genuine_token_is_taken(claims):
    assert ask(signed(claims)).status_code == 200


def test_the_token_says_what_it_must(claims, alice):
    assert {"iss", "aud", "jti", "exp", "iat", "sid", "ver"} < set(claims)
    assert claims["token_use"] == "access"
    assert claims["org"] == str(alice.organization_id)
    assert jwt.get_unverified_header(alice.access)["kid"] == KEY_ID


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"exp": int(time.time()) - 1},
        {"exp": 10**30},
        {"exp": -1},
        {"exp": "soon"},
        {"exp": None},
        {"exp": 1e400},
        {"exp": [1]},
        {"iat": int(time.time()) + 9999},
        {"nbf": int(time.time()) + 9999},
        {"aud": "other"},
        {"iss": "other"},
        {"token_use": "refresh"},
        {"token_use": None},
        {"sub": NOBODY},
        {"sub": "alice"},
        {"sub": 5},
        {"sid": NOBODY},
        {"sid": "x\x00"},
        {"sid": None},
        {"org": "nowhere"},
        {"org": NOBODY},
        {"org": ["a"]},
        {"ver": 0},
        {"ver": "x"},
        {"ver": 10**40},
        {"jti": None},
    ],
    # Not by their values: each process of a run must collect the same tests.
    ids=lambda change: next(iter(change)),
)
def test_a_token_with_a_wrong_claim_is_refused(claims, change):
    changed = {k: v for k, v in {**claims, **change}.items() if v is not None}
    answer = ask(signed(changed))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "sid", "ver", "aud", "iss"])
def test_a_token_without_a_claim_is_refused(claims, missing):
    del claims[missing]
    assert ask(signed(claims)).status_code == 401


def test_unsigned_and_wrongly_signed_tokens_are_refused(claims):
    public = b"-----BEGIN " + b"x" * 64
    forged = [
        jwt.encode(claims, "", "none", headers={"kid": KEY_ID}),
        signed(claims, key=b"k" * 32),
        signed(claims, algorithm="HS512", key=b"k" * 64),
        signed(claims, algorithm="HS512", key=_key("access") * 2),
        signed(claims, key=public, kid="other"),
        signed(claims, kid="other"),
    ]
    assert {ask(token).status_code for token in forged} == {401}


@pytest.mark.parametrize(
    "token",
    ["", " ", "x", "..", "a.b.c", "e30.e30.", "[[[[.e30.x", "x" * 100_000, "é.é.é"],
    ids=lambda token: token[:10],
)
def test_garbage_is_refused(anonymous, token):
    assert ask(token).status_code == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "Token x", "Bearer", "bearer x y"])
def test_other_schemes_are_refused(anonymous, header):
    answer = anonymous.get("/api/auth/me", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401


def test_a_refresh_token_gives_no_access(alice):
    assert ask(alice.refresh).status_code == 401


def test_the_token_of_a_deleted_user_is_refused(alice):
    with tenancy.system():
        alice.user.delete()
    assert ask(alice.access).status_code == 401


def test_the_token_of_a_disabled_user_is_refused(alice):
    User.objects.update(is_active=False)
    assert ask(alice.access).status_code == 401


def test_the_token_of_a_removed_member_is_refused(alice, bob):
    with tenancy.system():
        Membership.objects.filter(user=bob.user).delete()
    assert ask(bob.access).status_code == 401


def test_a_removed_member_goes_on_with_what_is_left_after_a_refresh(bob, anonymous):
    with tenancy.system():
        Membership.objects.filter(user=bob.user).delete()
    answer = anonymous.post("/api/auth/token/refresh", {"refresh": bob.refresh})
    assert ask(answer.json()["access"]).json()["organization"] is None


def test_a_role_change_holds_from_the_next_request(bob):
    with tenancy.system():
        Membership.objects.filter(user=bob.user).update(role="admin")
    assert ask(bob.access).json()["role"] == "admin"


def test_a_token_of_an_ended_sign_in_is_refused(alice):
    SignIn.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(alice.access).status_code == 401


def test_another_organization_of_the_user_can_be_named(alice, carol):
    with tenancy.system():
        Membership.objects.create(
            user=alice.user, organization=carol.organization, role="editor"
        )
    me = ask(alice.access, HTTP_X_ORGANIZATION="other").json()
    assert (me["organization"]["slug"], me["role"]) == ("other", "editor")


@pytest.mark.parametrize("slug", ["other", "nowhere", "", "acme,acme", "é", "x" * 999])
def test_an_organization_without_membership_is_not_found(alice, carol, slug):
    answer = ask(alice.access, HTTP_X_ORGANIZATION=slug)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_authentication_costs_two_queries(alice, django_assert_max_num_queries):
    from apps.accounts.authentication import viewer_by_token

    with tenancy.system(), django_assert_max_num_queries(4) as asked:
        viewer_by_token(alice.access)
    assert len([q for q in asked if q["sql"].startswith("SELECT ")]) == 2


# --- API keys -------------------------------------------------------------------


def test_a_key_reads_what_its_scope_allows(api_key):
    client = api_key("read")
    assert client.get("/api/members").status_code == 200
    assert client.get("/api/audit").status_code == 403
    assert client.get("/api/auth/me").status_code == 403


def test_a_key_needs_role_and_scope(api_key):
    assert api_key("admin").get("/api/audit").status_code == 200
    refused = api_key("read", "admin", role="viewer").get("/api/audit")
    assert refused.json()["required_role"] == "admin"
    assert api_key("read").get("/api/audit").json()["required_scope"] == "admin"


def test_a_key_that_may_only_read_cannot_remove_members(api_key, bob):
    answer = api_key("read").delete(f"/api/members/{bob.membership_id}")
    assert answer.status_code == 403


def test_a_key_cannot_make_keys_or_invite(api_key):
    client = api_key("read", "write", "admin")
    assert client.post("/api/api-keys", {"name": "x"}).status_code == 403
    invitation = {"email": "x@example.com", "role": "viewer"}
    assert client.post("/api/invitations", invitation).status_code == 403


def test_a_key_works_in_its_organization_only(api_key, carol):
    client = api_key("read")
    right = client.get("/api/members", HTTP_X_ORGANIZATION="acme")
    wrong = client.get("/api/members", HTTP_X_ORGANIZATION="other")
    assert (right.status_code, wrong.status_code) == (200, 404)


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"revoked_at": timezone.now()},
        {"key_hash": "0" * 64},
    ],
    ids=["expired", "revoked", "unknown"],
)
def test_a_key_that_is_no_good_is_refused(api_key, change):
    client = api_key("read")
    with tenancy.system():
        ApiKey.objects.update(**change)
    assert client.get("/api/members").status_code == 401


@pytest.mark.parametrize("key", ["", "rpa_", "x", "rpa_" + "x" * 100_000, "é"])
def test_forged_keys_are_refused(anonymous, key):
    assert anonymous.get("/api/members", HTTP_X_API_KEY=key).status_code == 401


def test_the_use_of_a_key_is_written_at_most_once_a_minute(api_key):
    client = api_key("read")
    client.get("/api/members")
    with tenancy.system():
        first = ApiKey.objects.get().last_used_at
    client.get("/api/members")
    with tenancy.system():
        assert ApiKey.objects.get().last_used_at == first


def test_a_key_is_stored_only_as_its_hash(api_key):
    client = api_key("read")
    key = client._credentials["HTTP_X_API_KEY"]
    with tenancy.system():
        row = ApiKey.objects.values().get()
    assert row["key_hash"] == tokens.hashed(key)
    assert row["prefix"] == key[:12]
    assert key not in str(row)


# --- Pages signed in by cookie ---------------------------------------------------


@pytest.fixture
def page(alice):
    """A browser that signed in by cookie and checks CSRF tokens."""
    client = JsonClient(enforce_csrf_checks=True)
    client.force_login(alice.user)
    return client


def page_token(client):
    client.cookies["csrftoken"] = "a" * 32
    return client.post("/api/auth/ws-token", HTTP_X_CSRFTOKEN="a" * 32)


def test_a_page_gets_a_token_for_the_socket_and_nothing_else(page, alice):
    answer = page_token(page)
    assert answer.json()["expires_in_ms"] == 600_000
    token = answer.json()["token"]
    assert holder_of(token).viewer.organization_id == alice.organization_id
    assert ask(token).status_code == 401


def test_a_page_uses_one_sign_in_for_all_its_tokens(page):
    before = SignIn.objects.count()
    page_token(page)
    page_token(page)
    assert SignIn.objects.count() == before + 1


def test_another_site_gets_no_token(page):
    assert page.post("/api/auth/ws-token").status_code == 403


def test_signing_out_of_the_pages_ends_the_scripts_tokens(page):
    from django.contrib.auth import logout
    from django.test import RequestFactory

    token = page_token(page).json()["token"]
    request = RequestFactory().post("/")
    request.session = page.session
    request.user = User.objects.get()
    logout(request)
    with pytest.raises(Unauthenticated):
        holder_of(token)


def test_a_cookie_alone_opens_no_other_endpoint(page):
    assert page.get("/api/members").status_code == 401


def test_nobody_gets_a_page_token(anonymous):
    assert anonymous.post("/api/auth/ws-token").status_code in (401, 403)
