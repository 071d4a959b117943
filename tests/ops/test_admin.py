"""The operators' admin as a whole: every model, every list, its policy, its door."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule

from apps.accounts.models import AuditEntry, Membership, SignIn, User
from apps.accounts.services.throttle import attempt
from apps.core import tenancy
from apps.core.heartbeats import beat
from apps.demo.models import DemoAttempt, DemoHook, DemoRound
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.engine.workers import Identity, say_alive
from apps.executions.models import Execution, Hook, IdempotencyKey, Wait
from tests.executions.documents import broken, doc, put
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

# Models that have no pages of their own, with the reason.
WITHOUT_PAGES = {
    "executions.StepRecord": "its key is composite; shown on its execution's page",
    "auth.Permission": "made by migrations; chosen on users and groups",
    "contenttypes.ContentType": "made by migrations",
    "sessions.Session": "its key is what signs people in",
    "django_celery_beat.PeriodicTasks": "one row, by which beat sees changes",
}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
SECRETS = ("encrypted", "key_hash", "token_hash", "fingerprint", "password")
EVIL = "<script>alert(1)</script>"


def operator(**more) -> Client:
    user = User.objects.create(email="op@example.com", is_staff=True, **more)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db) -> Client:
    return operator(is_superuser=True)


@pytest.fixture
def rows(engine: Engine, alice: Person):
    """A row of most models, with names that no page may trust."""
    done = engine.run(doc(put("a", EVIL), broken("b", name=EVIL), name=EVIL))
    ArtifactStore(done.organization_id, done.id, "a").save(f"{EVIL}.png", b"x", "x/y")
    own = {"organization_id": alice.organization_id}
    alice.client.post("/api/api-keys", {"name": EVIL})
    alice.client.post("/api/invitations", {"email": "dave@example.com"})
    alice.client.post("/api/secrets", {"name": "token", "value": "s3cret-value"})
    with engine.scope():
        both = own | {"execution_id": done.id}
        Wait.objects.create(path=EVIL, attempt=1, kind="webhook", **both)
        IdempotencyKey.objects.create(
            workflow_id=done.workflow_id, key="k3y-of-caller", fingerprint="f", **both
        )
        Hook.objects.create(
            workflow_id=done.workflow_id,
            token_hash="h4sh",
            encrypted="enc-rypted",
            **own,
        )
    say_alive(Identity(pool="default", capacity=5))
    beat("scheduler")
    Group.objects.create(name=EVIL)
    one = DemoAttempt.objects.create()
    DemoRound.objects.create(attempt=one, number=1, answers={}, right=1)
    DemoHook.objects.create(payload={"a": EVIL})
    IntervalSchedule.objects.get_or_create(every=1, period="days")
    with attempt("x@example.com", None):
        pass
    return done


def test_every_model_has_pages_or_a_reason_for_none():
    for model in apps.get_models():
        label = model._meta.label
        is_named = label in WITHOUT_PAGES
        assert admin.site.is_registered(model) != is_named, label


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_page_has_a_field_with_a_secret(model, rf, root):
    request = rf.get("/")
    request.user = User.objects.get(email="op@example.com")
    fields = admin.site._registry[model].get_fields(request)
    assert not set(fields) & set(SECRETS)


def test_every_list_and_every_row_opens_and_counts_nothing(rows, root: Client):
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        with CaptureQueriesContext(connection) as asked:
            page = root.get(reverse(f"{name}_changelist"))
        assert page.status_code == 200, name
        counted = [q["sql"] for q in asked if "COUNT(" in q["sql"].upper()]
        assert not counted, name
        assert len(asked) < 20, name
        with tenancy.system():
            first = admin.site._registry[model].model._default_manager.first()
        if first is not None:
            shown = root.get(reverse(f"{name}_change", args=[first.pk]))
            assert shown.status_code == 200, name
            for text in (page.content.decode(), shown.content.decode()):
                assert EVIL not in text, name
                for secret in ("s3cret-value", "h4sh", "enc-rypted"):
                    assert secret not in text, name


def test_every_search_answers_to_what_is_no_id(rows, root: Client):
    for model in MODELS:
        label = f"{model._meta.app_label}/{model._meta.model_name}"
        for term in ("nonsense", str(rows.id), "%00", EVIL):
            page = root.get(f"/admin/{label}/", {"q": term})
            assert page.status_code == 200, label
    assert root.get("/admin/executions/execution/?p=5000").status_code in (200, 302)


def test_what_the_engine_owns_is_neither_added_nor_changed_nor_deleted(rows, root):
    url = f"/admin/executions/execution/{rows.id}"
    assert root.get("/admin/executions/execution/add/").status_code == 403
    assert root.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(rows.id)]}
    root.post("/admin/executions/execution/", {**chosen, "post": "yes"})
    with tenancy.system():
        assert Execution.objects.filter(id=rows.id).exists()


def test_the_landing_page_shows_how_the_platform_does(rows, engine: Engine, root):
    late = engine.start(doc(name="Late one"))
    engine.start(doc())
    with engine.scope():
        Execution.objects.filter(id=late.id).update(
            status="waiting", due_at="2020-01-01T00:00Z"
        )
    with CaptureQueriesContext(connection) as asked:
        text = " ".join(root.get("/admin/").content.decode().split())
    assert len(asked) < 30
    for part in ("Health:", "Late one", "is due and was not woken", "0 / 5", "default"):
        assert part in text
    assert "<td>step</td>" in text
    assert '<tr><th scope="row">default</th><td>1</td><td>0</td>' in text
    assert EVIL not in text


def test_staff_see_what_they_were_allowed(rows):
    client = operator()
    text = client.get("/admin/").content.decode()
    assert "Health:" in text
    assert 'aria-label="Queue"' not in text
    assert 'aria-label="Workers"' not in text
    assert client.get("/admin/executions/execution/").status_code == 403
    may = Permission.objects.get(codename="view_worker")
    User.objects.get(email="op@example.com").user_permissions.add(may)
    assert 'aria-label="Workers"' in client.get("/admin/").content.decode()
    assert client.get("/admin/executions/worker/").status_code == 200
    assert client.get("/admin/workflows/secret/").status_code == 403


def test_people_who_are_no_operators_are_sent_away(rows, alice: Person):
    client = Client()
    client.force_login(alice.user)
    for path in ("", "executions/execution/", "accounts/user/", "autocomplete/"):
        assert client.get(f"/admin/{path}").status_code == 302


def test_who_is_no_superuser_makes_none_and_changes_none(db):
    boss = User.objects.create(email="boss@example.com", is_superuser=True)
    plain = User.objects.create(email="plain@example.com")
    client = operator()
    may = Permission.objects.filter(codename__in=["change_user", "view_user"])
    me = User.objects.get(email="op@example.com")
    me.user_permissions.set(may)
    sent = {"email": "plain@example.com", "is_active": "on", "is_superuser": "on"}
    client.post(f"/admin/accounts/user/{plain.id}/change/", {**sent, "is_staff": "on"})
    client.post(
        f"/admin/accounts/user/{boss.id}/change/",
        {"email": "mine@example.com", "is_active": "on"},
    )
    plain.refresh_from_db()
    boss.refresh_from_db()
    assert (plain.is_superuser, plain.is_staff) == (False, False)
    assert boss.email == "boss@example.com"


def test_a_changed_membership_is_in_the_organizations_trail(alice, bob, root):
    sent = {"user": bob.user.id, "organization": bob.organization_id, "role": "editor"}
    url = f"/admin/accounts/membership/{bob.membership_id}/change/"
    assert root.post(url, sent).status_code == 302
    with tenancy.system():
        assert Membership.objects.get(id=bob.membership_id).role == "editor"
        entry = AuditEntry.objects.get(action="membership.update")
    assert entry.organization_id == bob.organization_id
    assert entry.after == {"by": "operator", "role": "editor"}
    assert User.objects.get(id=entry.user_id).email == "op@example.com"


def test_the_policy_refuses_inline_scripts_and_other_places(root: Client):
    for page in (
        root.get("/admin/"),
        Client().get("/admin/login/"),
        root.get("/admin/x"),
    ):
        policy = dict(
            part.split(" ", 1) for part in page["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self' 'unsafe-eval'"
        assert policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        text = page.content.decode()
        assert "<style" not in text
        assert "<script>" not in text


def test_signing_in_to_the_admin_makes_no_tokens(root: Client):
    assert not SignIn.objects.exists()
