"""Signing in and out on pages; choosing an organization."""

import pytest
from django.test import Client

from apps.accounts.models import Membership, Organization
from apps.core import tenancy
from tests.dashboard.conftest import Visitor
from tests.fixtures_cast import PASSWORD

pytestmark = pytest.mark.django_db
PAGES = ("/", "/workflows", "/executions")


@pytest.mark.parametrize("path", PAGES)
def test_pages_lead_nobody_to_the_sign_in(nobody, path):
    page = nobody.get(path)
    assert page.status == 302
    wanted = "/sign-in" if path == "/" else f"/sign-in?next=%2F{path[1:]}"
    assert page.response["Location"] == wanted


def test_a_live_part_leads_nobody_to_the_sign_in_as_a_whole_page(nobody):
    shown = {"hx_request": "true", "hx_current_url": "http://testserver/executions"}
    answer = nobody.get("/", **shown).response
    assert answer["HX-Redirect"] == "/sign-in?next=%2Fexecutions"


def test_posts_lead_nobody_to_the_sign_in(nobody):
    page = nobody.post("/organization")
    assert page.response["Location"] == "/sign-in"


def test_the_right_password_opens_the_page_asked_for(alice, nobody):
    data = {"email": "Alice@Example.com", "password": PASSWORD, "next": "/executions"}
    page = nobody.post("/sign-in", **data)
    assert (page.status, page.response["Location"]) == (302, "/executions")
    assert "Executions" in nobody.get("/executions").text


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:"]
)
def test_a_foreign_address_is_no_next_page(alice, nobody, then):
    data = {"email": alice.email, "password": PASSWORD, "next": then}
    assert nobody.post("/sign-in", **data).response["Location"] == "/"


@pytest.mark.parametrize("email", ["alice@example.com", "who@example.com"])
def test_a_wrong_password_says_so_and_keeps_the_email(alice, nobody, email):
    page = nobody.post("/sign-in", email=email, password="wrong")
    assert page.status == 401
    assert "The e-mail address or the password is wrong." in page.text
    assert page.all("#email")[0].get("value") == email


def test_an_empty_form_says_what_is_missing(nobody):
    assert nobody.post("/sign-in").status == 400


def test_the_sixth_attempt_is_refused_with_the_time_to_wait(alice, nobody):
    for _ in range(5):
        nobody.post("/sign-in", email=alice.email, password="wrong")
    page = nobody.post("/sign-in", email=alice.email, password=PASSWORD)
    assert page.status == 429
    assert "Too many failed sign-ins. Try again in 15 min." in page.text
    assert int(page.response["Retry-After"]) > 800


def test_forms_without_their_token_are_refused():
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in", {"email": "a@example.com", "password": "x"})
    assert answer.status_code == 403
    assert b"This form is out of date" in answer.content


def test_signing_out_ends_the_session(owner):
    assert owner.get("/").status == 200
    assert owner.client.get("/sign-out").status_code == 405
    page = owner.post("/sign-out")
    assert owner.get("/").status == 302
    # Where the page says to itself that it may remove what the browser has kept.
    left = owner.get(page.response["Location"])
    assert left.all("body")[0].get("data-left") is not None
    assert owner.get("/sign-in").all("body")[0].get("data-left") is None


def test_whoever_is_signed_in_needs_no_sign_in(owner):
    page = owner.get("/sign-in?next=/workflows")
    assert page.response["Location"] == "/workflows"


@pytest.fixture
def second(alice):
    """Another organization of alice, in which she is a viewer."""
    with tenancy.system():
        made = Organization.objects.create(name="Zeta", slug="zeta")
        Membership.objects.create(organization=made, user=alice.user, role="viewer")
    return made


def test_a_member_of_one_organization_has_nothing_to_choose(owner):
    assert owner.get("/").all("#organization") == []


def test_choosing_an_organization_holds_for_the_session(owner, second, acme):
    names = [one.text for one in owner.get("/").all("#organization option")]
    assert names == ["Acme", "Zeta"]
    assert owner.post("/organization", organization=str(second.id)).status == 302
    page = owner.get("/")
    assert "Zeta" in page.all(".brand")[0].text_content()
    assert "viewer" in page.all(".who")[0].text_content()
    # By this name the page's scripts ask for a token of the same organization.
    assert page.all("body")[0].get("data-organization") == "zeta"


@pytest.mark.parametrize("wanted", ["", "nonsense", None])
def test_a_foreign_organization_cannot_be_chosen(owner, carol, wanted):
    wanted = str(carol.organization_id) if wanted is None else wanted
    assert owner.post("/organization", organization=wanted).status == 404
    assert "Acme" in owner.get("/").all(".brand")[0].text_content()


def test_a_member_of_nothing_is_told_so(alice):
    with tenancy.system():
        Membership.objects.filter(user=alice.user).delete()
    page = Visitor(alice).get("/")
    assert page.status == 200
    assert "You are a member of no organization yet." in page.text


def test_whoever_was_removed_sees_nothing_more(alice, second):
    visitor = Visitor(alice)
    visitor.post("/organization", organization=str(second.id))
    with tenancy.system():
        Membership.objects.filter(user=alice.user, organization=second).delete()
    assert "Acme" in visitor.get("/").all(".brand")[0].text_content()
