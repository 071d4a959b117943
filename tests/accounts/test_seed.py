"""`manage.py seed` and the operators' admin."""

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Membership, User
from apps.core import tenancy
from tests.fixtures_cast import JsonClient

pytestmark = pytest.mark.django_db
FIRST = {"email": "Root@Example.com", "password": "a good long one"}


def test_the_first_user_operates_the_platform_and_owns_an_organization():
    call_command("seed", **FIRST, organization="Acme", verbosity=0)
    user = User.objects.get()
    assert (user.email, user.is_superuser) == ("root@example.com", True)
    with tenancy.system():
        assert Membership.objects.get().role == "owner"


def test_seeding_again_changes_nothing():
    call_command("seed", **FIRST)
    call_command("seed", **{**FIRST, "password": "another long one"})
    assert User.objects.get().check_password(FIRST["password"])
    with tenancy.system():
        assert Membership.objects.count() == 1


@pytest.mark.parametrize(
    "change", [{"password": "short"}, {"email": "x"}, {"email": ""}]
)
def test_a_wrong_seed_is_refused(change):
    with pytest.raises(CommandError):
        call_command("seed", **{**FIRST, **change})


def test_createsuperuser_works_too():
    user = User.objects.create_superuser("Op@Example.com", "a good long one")
    assert (user.email, user.is_staff) == ("op@example.com", True)


@pytest.fixture
def admin():
    call_command("seed", **FIRST)
    return JsonClient()


def sign_in(client, password):
    data = {"username": FIRST["email"], "password": password}
    return client.post("/admin/login/?next=/admin/", data, format="multipart")


def test_operators_sign_in_to_the_admin_and_see_all_rows(admin, alice):
    assert sign_in(admin, FIRST["password"]).status_code == 302
    for name in (
        *("user", "organization", "membership", "apikey", "invitation"),
        *("auditentry", "signin"),
    ):
        assert admin.get(f"/admin/accounts/{name}/").status_code == 200
    assert b"Acme" in admin.get("/admin/accounts/organization/").content


def test_the_admins_sign_in_is_throttled_too(admin):
    for _ in range(5):
        assert sign_in(admin, "wrong").status_code == 200
    assert sign_in(admin, FIRST["password"]).status_code == 200
    assert admin.get("/admin/").status_code == 302


def test_members_do_not_enter_the_admin(alice):
    client = JsonClient()
    client.force_login(alice.user)
    assert client.get("/admin/").status_code == 302
