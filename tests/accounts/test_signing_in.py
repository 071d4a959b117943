"""Registering, signing in, refreshing, signing out."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import AuditEntry, SignIn, User
from apps.core import tenancy
from tests.fixtures_cast import PASSWORD, JsonClient, Person

pytestmark = pytest.mark.django_db
NEW = {"email": "Dave@Example.com", "password": "a good long one"}


@pytest.fixture
def is_open(settings):
    settings.REGISTRATION = "open"


def bearer(token: str) -> JsonClient:
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_registering_gives_tokens_and_an_own_organization(is_open, anonymous):
    answer = anonymous.post("/api/auth/register", {**NEW, "organization": "Dave & Co"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["user"]["email"] == "dave@example.com"
    assert made["organization"]["slug"] == "dave-co"
    me = bearer(made["access"]).get("/api/auth/me").json()
    assert (me["role"], me["organization"]["slug"]) == ("owner", "dave-co")


def test_an_organization_is_named_after_the_address_by_default(is_open, anonymous):
    made = anonymous.post("/api/auth/register", NEW).json()
    assert made["organization"]["name"] == "dave's organization"


def test_two_organizations_of_one_name_get_different_slugs(is_open, anonymous, acme):
    made = anonymous.post("/api/auth/register", {**NEW, "organization": "ACME"}).json()
    assert made["organization"]["slug"].startswith("acme-")


def test_registering_leaves_an_audit_entry(is_open, anonymous):
    made = anonymous.post("/api/auth/register", NEW).json()
    with tenancy.tenant(made["organization"]["id"]):
        entry = AuditEntry.objects.get()
    assert (entry.action, entry.address) == ("organization.create", "127.0.0.1")


def test_an_address_registers_once_in_any_case(is_open, anonymous, alice):
    answer = anonymous.post(
        "/api/auth/register", {**NEW, "email": " ALICE@example.com "}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "account_exists")


def test_registration_by_invitation_only_is_refused_without_one(anonymous, settings):
    settings.REGISTRATION = "invite"
    answer = anonymous.post("/api/auth/register", NEW)
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password123",
        "p" * 2_000,
        "a" * 1_048_576,
        "with\x07a bell",
        "1234567890",
    ],
)
def test_poor_passwords_are_refused(is_open, anonymous, password):
    answer = anonymous.post("/api/auth/register", {**NEW, "password": password})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "password"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "email",
    [
        *('"a b"@x', '"a b"@example.com', "a@x", "no", "", "a@x\r\nBcc: b@y.org"),
        *("a" * 320 + "@example.com", "a@" + "b" * 320 + ".com", "a b@example.com"),
    ],
)
def test_impossible_addresses_are_refused(is_open, anonymous, email):
    answer = anonymous.post("/api/auth/register", {**NEW, "email": email})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "email"


def test_an_internationalized_domain_is_an_address(is_open, anonymous):
    email = "a@xn--bcher-kva.example"
    assert (
        anonymous.post("/api/auth/register", {**NEW, "email": email}).status_code == 201
    )


def test_a_password_may_be_typed_in_any_unicode_form(is_open, anonymous):
    composed, apart = "p\u00e4sswort lang", "pa\u0308sswort lang"
    anonymous.post("/api/auth/register", {**NEW, "password": composed})
    answer = anonymous.post("/api/auth/token", {**NEW, "password": apart})
    assert answer.status_code == 200


def test_passwords_differ_beyond_72_bytes(is_open, anonymous):
    anonymous.post("/api/auth/register", {**NEW, "password": "long one " * 9 + "x"})
    answer = anonymous.post(
        "/api/auth/token", {**NEW, "password": "long one " * 9 + "y"}
    )
    assert answer.status_code == 401


def test_signing_in_gives_tokens_for_the_organization_used_last(anonymous, alice):
    pair = anonymous.post(
        "/api/auth/token", {"email": alice.email, "password": PASSWORD}
    ).json()
    me = bearer(pair["access"]).get("/api/auth/me").json()
    assert me["organization"]["slug"] == "acme"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("alice@example.com", "x" * 50_000),
        ("not an address", "x"),
    ],
)
def test_wrong_credentials_are_all_told_alike(anonymous, alice, email, password):
    data = {"email": email or "?", "password": password or "?"}
    answer = anonymous.post("/api/auth/token", data)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_disabled_user_cannot_sign_in(anonymous, alice):
    User.objects.update(is_active=False)
    data = {"email": alice.email, "password": PASSWORD}
    assert anonymous.post("/api/auth/token", data).status_code == 401


def test_the_sixth_try_is_refused_even_with_the_right_password(anonymous, alice):
    wrong = {"email": alice.email, "password": "wrong"}
    for _ in range(5):
        assert anonymous.post("/api/auth/token", wrong).status_code == 401
    right = {**wrong, "password": PASSWORD}
    answer = anonymous.post(
        "/api/auth/token", right, HTTP_X_FORWARDED_FOR="203.0.113.9"
    )
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 900


def test_other_addresses_are_not_held_up(anonymous, alice):
    wrong = {"email": alice.email, "password": "wrong"}
    for _ in range(5):
        anonymous.post("/api/auth/token", wrong)
    right = {**wrong, "password": PASSWORD}
    answer = anonymous.post("/api/auth/token", right, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 200


def test_a_success_forgets_the_failures_before_it(anonymous, alice):
    wrong = {"email": alice.email, "password": "wrong"}
    for password in ["wrong"] * 4 + [PASSWORD] + ["wrong"] * 4:
        anonymous.post("/api/auth/token", {**wrong, "password": password})
    right = {**wrong, "password": PASSWORD}
    assert anonymous.post("/api/auth/token", right).status_code == 200


def in_parallel(count: int, act: Callable[[], object]) -> list[object]:
    """What `count` threads got, each on a connection of its own."""
    results: list[object] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            results.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_many_wrong_tries_at_once_exactly_five_are_checked(alice):
    data = {"email": alice.email, "password": "wrong"}
    answers = in_parallel(
        8, lambda: JsonClient().post("/api/auth/token", data).status_code
    )
    assert sorted(answers) == [401] * 5 + [429] * 3


@pytest.mark.django_db(transaction=True)
def test_eight_parallel_refreshes_end_in_one_lineage(alice):
    data = {"refresh": alice.refresh}
    answers = in_parallel(
        8, lambda: JsonClient().post("/api/auth/token/refresh", data).json()["refresh"]
    )
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert SignIn.objects.get().counter == 1


def refresh(client: JsonClient, token: str) -> tuple[int, str]:
    answer = client.post("/api/auth/token/refresh", {"refresh": token})
    return answer.status_code, answer.json().get("refresh", "")


def test_a_refresh_token_gives_the_next_one(anonymous, alice):
    status, second = refresh(anonymous, alice.refresh)
    assert (status, second != alice.refresh) == (200, True)
    assert refresh(anonymous, second)[0] == 200


def test_within_ten_seconds_the_same_token_gives_the_same_new_one(anonymous, alice):
    _, second = refresh(anonymous, alice.refresh)
    _, third = refresh(anonymous, second)
    assert refresh(anonymous, alice.refresh) == (200, second)
    assert refresh(anonymous, second) == (200, third)


def age_rotations(by: timedelta) -> None:
    SignIn.objects.update(rotations=[timezone.now() - by])


def test_later_reuse_ends_the_whole_sign_in(anonymous, alice):
    _, second = refresh(anonymous, alice.refresh)
    age_rotations(timedelta(seconds=11))
    assert refresh(anonymous, alice.refresh)[0] == 401
    assert SignIn.objects.get().revoked_because == "reused"
    assert refresh(anonymous, second)[0] == 401
    assert alice.client.get("/api/auth/me").status_code == 401


def test_an_expired_refresh_token_is_refused(anonymous, alice):
    SignIn.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refresh(anonymous, alice.refresh)[0] == 401


def test_a_sign_in_ends_after_ninety_days_whatever_is_refreshed(anonymous, alice):
    SignIn.objects.update(created_at=timezone.now() - timedelta(days=89, hours=23))
    refresh(anonymous, alice.refresh)
    assert SignIn.objects.get().expires_at < timezone.now() + timedelta(hours=2)


@pytest.mark.parametrize(
    "token", ["", "x", "rpr_", "rpr_a.b.c", "rpr_" + "0" * 32 + ".0.00", "é"]
)
def test_forged_refresh_tokens_are_refused(anonymous, token):
    answer = anonymous.post("/api/auth/token/refresh", {"refresh": token or " "})
    assert answer.status_code == 401


def test_the_number_in_a_refresh_token_cannot_be_changed(anonymous, alice):
    family, _, proof = alice.refresh.split(".")
    assert refresh(anonymous, f"{family}.1.{proof}")[0] == 401


def test_a_deleted_user_cannot_refresh(anonymous, alice):
    with tenancy.system():
        alice.user.delete()
    assert refresh(anonymous, alice.refresh)[0] == 401


def test_signing_out_ends_access_tokens_at_once(anonymous, alice):
    data = {"refresh": alice.refresh}
    assert alice.client.get("/api/auth/me").status_code == 200
    assert anonymous.post("/api/auth/logout", data).status_code == 204
    assert alice.client.get("/api/auth/me").status_code == 401
    assert refresh(anonymous, alice.refresh)[0] == 401
    assert anonymous.post("/api/auth/logout", data).status_code == 204


def test_signing_out_leaves_other_sign_ins_alone(anonymous, alice):
    pair = anonymous.post(
        "/api/auth/token", {"email": alice.email, "password": PASSWORD}
    ).json()
    anonymous.post("/api/auth/logout", {"refresh": alice.refresh})
    assert bearer(pair["access"]).get("/api/auth/me").status_code == 200


def change_password(person: Person, **data: str):
    given = {"password": "another long one", "current_password": PASSWORD, **data}
    return person.client.patch("/api/auth/me", given)


def test_a_new_password_ends_all_other_sign_ins(anonymous, alice):
    other = anonymous.post(
        "/api/auth/token", {"email": alice.email, "password": PASSWORD}
    ).json()
    answer = change_password(alice)
    assert answer.status_code == 200
    assert bearer(other["access"]).get("/api/auth/me").status_code == 401
    assert refresh(anonymous, other["refresh"])[0] == 401
    assert bearer(answer.json()["access"]).get("/api/auth/me").status_code == 200
    assert refresh(anonymous, alice.refresh)[0] == 200


def test_a_new_password_ends_the_old_access_token(alice):
    change_password(alice)
    assert alice.client.get("/api/auth/me").status_code == 401


def test_a_new_password_needs_the_current_one(alice):
    answer = change_password(alice, current_password="wrong")
    assert answer.json()["errors"][0]["path"] == "current_password"
    assert alice.client.get("/api/auth/me").status_code == 200


def test_users_change_their_name(alice):
    answer = alice.client.patch("/api/auth/me", {"name": "Alice A."})
    assert answer.json()["name"] == "Alice A."
    assert User.objects.get().name == "Alice A."


def test_refreshing_for_another_organization_is_remembered(anonymous, alice, carol):
    with tenancy.system():
        from apps.accounts.models import Membership

        Membership.objects.create(
            user=alice.user, organization=carol.organization, role="viewer"
        )
    pair = anonymous.post(
        "/api/auth/token/refresh",
        {"refresh": alice.refresh},
        HTTP_X_ORGANIZATION="other",
    ).json()
    again = anonymous.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})
    me = bearer(again.json()["access"]).get("/api/auth/me").json()
    assert (me["organization"]["slug"], me["role"]) == ("other", "viewer")


def test_a_member_of_nothing_signs_in_and_makes_an_organization(anonymous, carol):
    with tenancy.system():
        carol.organization.delete()
    pair = anonymous.post(
        "/api/auth/token", {"email": carol.email, "password": PASSWORD}
    ).json()
    client = bearer(pair["access"])
    assert client.get("/api/auth/me").json()["organization"] is None
    assert client.get("/api/members").status_code == 403
    assert client.get("/api/organizations").json()["results"] == []
    assert client.post("/api/organizations", {"name": "New"}).status_code == 201


def test_random_tokens_are_stored_as_hashes(alice):
    token = tokens.random_token("rpa_")
    assert tokens.hashed(token) not in token
    assert len(tokens.hashed(token)) == 64
