"""Rules that every page of the operators' admin keeps: no giant choice, all escaped."""

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin import widgets
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Invitation, Membership, Organization, User
from apps.core import tenancy
from apps.core.operators.base import KnownWords
from apps.core.operators.paging import InfinitePaginator
from apps.executions.engine.workers import Identity, say_alive
from apps.executions.models import Execution, Worker
from apps.webhooks.models import Webhook
from tests.executions.documents import broken, doc
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

ADMINS = sorted(admin.site._registry.values(), key=lambda one: one.model._meta.label)
EVIL = "<script>alert(1)</script>"
# Tables that stay small, so that all of their rows may be offered.
SMALL = {"auth.Permission", "auth.Group"}
SEARCHING = (
    widgets.AutocompleteSelect,
    widgets.AutocompleteSelectMultiple,
    widgets.ForeignKeyRawIdWidget,
    widgets.ManyToManyRawIdWidget,
)


@pytest.fixture
def root(db: None) -> Client:
    user = User.objects.create(email="op@example.com", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def request_of_root(root: Client, rf):
    request = rf.get("/")
    request.user = User.objects.get(email="op@example.com")
    return request


def widget_of(field: forms.Field) -> forms.Widget:
    inner = field.widget
    return (
        inner.widget if isinstance(inner, widgets.RelatedFieldWidgetWrapper) else inner
    )


@pytest.mark.parametrize("one", ADMINS, ids=lambda one: one.model._meta.label)
def test_no_list_counts_sorts_all_or_offers_all_rows(one, request_of_root):
    assert issubclass(one.paginator, InfinitePaginator)
    assert one.show_full_result_count is False
    assert one.list_max_show_all == 0
    assert one.get_sortable_by(request_of_root) == ()
    for found in one.get_list_filter(request_of_root):
        assert issubclass(found, KnownWords), found


@pytest.mark.parametrize("one", ADMINS, ids=lambda one: one.model._meta.label)
def test_no_form_has_a_dropdown_of_a_large_table(one, request_of_root):
    if not one.has_change_permission(request_of_root):
        return
    for name, field in one.get_form(request_of_root)().fields.items():
        if not isinstance(field, forms.ModelChoiceField):
            continue
        is_small = field.queryset.model._meta.label in SMALL
        assert is_small or isinstance(widget_of(field), SEARCHING), name


@pytest.fixture
def evil(engine: Engine, alice, root: Client):
    """Rows with a script in every name, address and error."""
    failed = engine.run(doc(broken("b", name=EVIL), name=EVIL))
    mail = f"{EVIL}@example.com"
    own = {"organization_id": alice.organization_id}
    with tenancy.system():
        error = {"code": EVIL, "kind": EVIL, "message": EVIL, "path": EVIL}
        Execution.objects.filter(id=failed.id).update(error=error, reason=EVIL)
        Organization.objects.filter(id=alice.organization_id).update(name=EVIL)
        User.objects.filter(id=alice.user.id).update(email=mail, name=EVIL)
        Invitation.objects.create(
            email=mail,
            role="viewer",
            token_hash="t",
            expires_at="2030-01-01T00:00Z",
            invited_by=alice.user,
            **own,
        )
        Webhook.objects.create(
            name=EVIL, event_types=["execution-failed"], reason=EVIL, **own
        )
    say_alive(Identity(pool="default", capacity=5))
    Worker.objects.update(name=EVIL, pool=EVIL)
    operator = User.objects.get(email="op@example.com")
    LogEntry.objects.create(
        user=operator, action_flag=2, object_repr=EVIL, change_message=EVIL
    )
    return failed


def test_a_script_in_a_name_an_error_or_an_address_is_text(evil, alice, root):
    shown = [
        root.get("/admin/"),
        root.get(
            reverse("admin:accounts_organization_announce"),
            {"only": alice.organization_id},
        ),
    ]
    for model in (
        Execution,
        Organization,
        User,
        Membership,
        Invitation,
        Webhook,
        Worker,
        LogEntry,
    ):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        shown.append(root.get(reverse(f"{name}_changelist")))
        with tenancy.system():
            keys = list(model._default_manager.values_list("pk", flat=True))
        for key in keys:
            shown.append(root.get(reverse(f"{name}_change", args=[key])))
            shown.append(root.get(reverse(f"{name}_history", args=[key])))
    shown.append(root.get(reverse("admin:accounts_user_delete", args=[alice.user.id])))
    for page in shown:
        assert page.status_code == 200, page.request["PATH_INFO"]
        assert EVIL not in page.content.decode(), page.request["PATH_INFO"]
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;")
    assert sum(escaped in page.content.decode() for page in shown) > 12


def test_names_and_times_read_as_people_write_them(evil, root):
    text = root.get("/admin/").content.decode()
    assert "Failed sign-ins" in text
    assert "Sign in failuress" not in text
    with tenancy.system():
        at = Execution.objects.get(id=evil.id).queued_at
    page = root.get("/admin/executions/execution/").content.decode()
    assert f"{at:%Y-%m-%d %H:%M:%S}" in page


def test_a_script_in_what_an_action_says_is_text(evil, root):
    worker = Worker.objects.get()
    sent = {"action": "drain", "_selected_action": [str(worker.id)]}
    page = root.post("/admin/executions/worker/", sent, follow=True).content.decode()
    assert "asked." in page
    assert EVIL not in page
