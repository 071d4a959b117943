"""The base view: scope, rollback, parsers, roles."""

import uuid

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from apps.accounts.models import Membership, Organization
from apps.core import tenancy
from apps.core.api.parsers import GuardedJSONParser, YAMLParser, marks_of
from apps.core.api.views import ApiView
from apps.core.errors import Conflict, Invalid, Unavailable


class Probe(ApiView):
    """Runs what a test gives it."""

    required_role = "viewer"
    parser_classes = (GuardedJSONParser, YAMLParser)
    body_max_depth = 200
    act = None

    def post(self, request):
        return Response(type(self).act(self, request))


@pytest.fixture
def call(alice):
    """Sends a body to a view that does `act` with the request."""

    def call(act, body="{}", kind="application/json", **attributes):
        view = type("ProbeOfTest", (Probe,), {"act": act, **attributes}).as_view()
        headers = {"HTTP_AUTHORIZATION": f"Bearer {alice.access}"}
        request = APIRequestFactory().generic("POST", "/api/x", body, kind, **headers)
        return view(request).render()

    return call


def fail_with(error):
    def act(view, request):
        Membership.objects.all().delete()
        raise error

    return act


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "status"),
    [(Conflict("no"), 409), (Invalid(errors=[]), 400), (Unavailable("later"), 503)],
)
def test_an_error_rolls_everything_back(call, alice, error, status):
    assert call(fail_with(error)).status_code == status
    with tenancy.tenant(alice.organization_id):
        assert Membership.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_bug_rolls_everything_back_too(call, alice):
    with pytest.raises(ZeroDivisionError):
        call(fail_with(ZeroDivisionError()))
    with tenancy.tenant(alice.organization_id):
        assert Membership.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_only_the_commit_finds_is_an_answer_as_well(call):
    def refer_to_nothing(view, request):
        Membership.objects.create(
            organization_id=view.viewer.organization_id,
            user_id=uuid.uuid4(),
            role="viewer",
        )

    answer = call(refer_to_nothing)
    assert answer.status_code == 409
    assert b"missing_reference" in answer.content


@pytest.mark.django_db(transaction=True)
def test_a_handler_sees_one_organization_and_nothing_stays_open(call, carol):
    answer = call(lambda view, request: [o.slug for o in Organization.objects.all()])
    assert answer.data == ["acme"]
    assert tenancy.current_organization() is None
    assert Organization.objects.count() == 0


@pytest.mark.django_db
def test_a_view_without_a_role_lets_nobody_in(call):
    answer = call(lambda view, request: 1, required_role=None)
    assert answer.status_code == 403


@pytest.mark.django_db
def test_yaml_is_read_with_its_marks(call):
    def marks(view, request):
        return [request.data, marks_of(request)[("a", 1)]]

    answer = call(marks, "a:\n  - 1\n  - x: on\n", "application/yaml")
    assert answer.data == [{"a": [1, {"x": "on"}]}, (3, 5)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("- 1", "application/yaml"),
        ("[1]", "application/json"),
        ("a: *b", "application/yaml"),
        ('{"a":' + "[" * 200 + "]" * 200 + "}", "application/json"),
    ],
)
def test_what_is_no_object_is_refused(call, body, kind):
    answer = call(lambda view, request: request.data, body, kind)
    assert answer.status_code == 400


@pytest.mark.django_db
def test_a_view_may_take_deeper_bodies_and_lists(call):
    deep = '{"a":' + "[" * 199 + "]" * 199 + "}"
    assert call(lambda view, request: len(request.data), deep).data == 1
    answer = call(lambda v, r: r.data, "[1]", takes_any_json=True)
    assert answer.data == [1]


@pytest.mark.django_db
def test_details_of_an_error_stand_in_the_answer(call):
    def act(view, request):
        raise Conflict("taken", by="someone", status=200, retry_after_s=1.2)

    answer = call(act)
    assert (answer.data["by"], answer.data["status"]) == ("someone", 409)
    assert answer["Retry-After"] == "2"
