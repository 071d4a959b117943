"""The operators' page that announces maintenance, to all or to chosen organizations."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from apps.accounts.models import Organization, User
from apps.accounts.services import maintenance
from apps.core.errors import Invalid

# Their ids stand in the page's address.
MOST_CHOSEN = 100
ROUTE = "admin:accounts_organization_announce"


class Announcement(forms.Form):
    """What is announced; times are in the installation's zone, UTC."""

    message = forms.CharField(
        max_length=maintenance.LONGEST,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="What people will read. Text, no HTML.",
    )
    starts_at = forms.SplitDateTimeField(
        required=False,
        label="Starts (UTC)",
        widget=UnfoldAdminSplitDateTimeWidget(),
    )
    ends_at = forms.SplitDateTimeField(
        required=False,
        label="Ends (UTC)",
        widget=UnfoldAdminSplitDateTimeWidget(),
    )


def ask(
    model_admin: Any, request: HttpRequest, chosen: QuerySet[Organization]
) -> HttpResponse | None:
    """Lead to the page, about the chosen organizations alone."""
    ids = list(chosen.values_list("id", flat=True)[: MOST_CHOSEN + 1])
    if len(ids) > MOST_CHOSEN:
        text = f"Nobody was told: choose at most {MOST_CHOSEN}, or announce it to all."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    query = urlencode([("only", str(one)) for one in ids])
    return redirect(f"{reverse(ROUTE)}?{query}")


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The form; sent, the organizations are told.

    Raises:
        PermissionDenied: who asks may not change organizations.
    """
    if not model_admin.has_announce_permission(request):
        raise PermissionDenied
    only = _only(request)
    form = Announcement(request.POST or None)
    if request.method == "POST" and form.is_valid() and _tell(request, form, only):
        return redirect("admin:accounts_organization_changelist")
    rows = Organization.objects.filter(id__in=only or ()).order_by("name", "id")
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Announce maintenance",
        "form": form,
        "media": model_admin.media + form.media,
        "chosen": list(rows) if only is not None else None,
    }
    return TemplateResponse(request, "accounts/announce.html", context)


def _only(request: HttpRequest) -> list[uuid.UUID] | None:
    """Whom the address names; None for all."""
    try:
        return [uuid.UUID(one) for one in request.GET.getlist("only")] or None
    except ValueError as error:
        # Never all of them, because one was not understood.
        raise BadRequest("an organization's id is a UUID") from error


def _tell(
    request: HttpRequest, form: Announcement, only: list[uuid.UUID] | None
) -> bool:
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    try:
        told = maintenance.announce_as(user, only=only, **form.cleaned_data)
    except Invalid as refusal:
        for one in refusal.errors:
            name = str(one["path"])
            field = name if name in form.fields else None
            form.add_error(field, str(one["message"]).capitalize() + ".")
        return False
    said = "1 organization is told." if told == 1 else f"{told} organizations are told."
    messages.success(request, said)
    LogEntry.objects.create(
        user=user,
        action_flag=CHANGE,
        object_repr=said,
        change_message=f"Announced maintenance: {form.cleaned_data['message']}",
    )
    return True
