"""Approving and denying: on an execution's page, and by the link from a mail."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views import View

from apps.accounts.authentication import address_of
from apps.accounts.roles import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, RpaError
from apps.core.text import has_controls
from apps.dashboard.views.base import Page, guarded
from apps.dashboard.waits import approvers_of
from apps.executions import approvals
from apps.executions.engine import masking

DECISIONS = ("approved", "denied")


def decision_in(request: HttpRequest) -> dict[str, str]:
    """Decision and reason of a form.

    Raises:
        Invalid: no decision, or a reason that is too long or cannot be shown.
    """
    decision, reason = request.POST.get("decision"), request.POST.get("reason", "")
    if decision not in DECISIONS:
        raise Invalid("Choose to approve or to deny.")
    # Browsers count a line end as one character and send two.
    reason = reason.replace("\r\n", "\n").strip()
    if len(reason) > approvals.MAX_REASON or has_controls(reason):
        raise Invalid(f"The reason must be text of {approvals.MAX_REASON} characters.")
    return {"decision": decision, "reason": reason}


class DecideApproval(Page):
    """Approve or deny as a member."""

    http_method_names = ["post", "options"]
    # Whom a workflow names may decide whatever their role is; the service looks.
    roles = {"POST": Role.VIEWER}

    def post(
        self, request: HttpRequest, execution_id: UUID, approval_id: UUID
    ) -> HttpResponse:
        approval = approvals.approval_get(approval_id)
        if approval.execution_id != execution_id:
            raise NotFound("There is no such approval.")
        try:
            approvals.approval_decide(
                approval=approval, by=self.viewer, **decision_in(request)
            )
        except (Conflict, Invalid) as error:
            messages.warning(request, str(error))
        return redirect("dashboard:execution", execution_id)


class ApproveByLink(View):
    """The page behind an approval's link; looking at it decides nothing."""

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            return guarded(super().dispatch(request, *args, **kwargs))
        except RpaError as error:
            context = {"problem": str(error)}
            status = error.http_status
            template = "dashboard/approve_problem.html"
            return guarded(render(request, template, context, status=status))

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._show(token, "", 200)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        letter = approvals.letter_open(token)
        try:
            approvals.letter_decide(
                letter, **decision_in(request), address=address_of(request)
            )
        except (Conflict, Forbidden, Invalid) as error:
            return self._show(token, str(error), error.http_status)
        return redirect("dashboard:approve", token)

    def _show(self, token: str, problem: str, status: int) -> HttpResponse:
        letter = approvals.letter_open(token)
        details = masking.conceal(letter.approval.details)
        context = {
            "letter": letter,
            "approval": letter.approval,
            "details": details,
            "approvers": approvers_of(details),
            "problem": problem,
            "token": token,
        }
        return render(self.request, "dashboard/approve.html", context, status=status)
