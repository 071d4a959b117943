"""Signing in and out, and the choice of an organization."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts.authentication import address_of
from apps.accounts.errors import TooManyAttempts, Unauthenticated
from apps.accounts.roles import Role
from apps.accounts.services.signing_in import password_check
from apps.core.errors import NotFound
from apps.dashboard.seats import take_seat
from apps.dashboard.views.base import Page, guarded, local_path

# In the address after signing out: the page then removes what the browser has kept.
LEFT = "left"


class SignInForm(forms.Form):
    """E-mail address and password."""

    email = forms.CharField(max_length=254)
    password = forms.CharField(max_length=1_000, strip=False)


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class SignIn(View):
    """The first page of whoever is not signed in."""

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        return guarded(super().dispatch(request, *args, **kwargs))

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect(self._next())
        return self._show("", "", status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SignInForm(request.POST)
        email = request.POST.get("email", "")[:254]
        if not form.is_valid():
            return self._show(email, "Give your e-mail address and password.", 400)
        try:
            user = password_check(**form.cleaned_data, address=address_of(request))
        except TooManyAttempts as error:
            wait_s = int(str(error.details.get("retry_after_s", 60)))
            minutes = max(1, round(wait_s / 60))
            message = f"Too many failed sign-ins. Try again in {minutes} min."
            response = self._show(email, message, error.http_status)
            response["Retry-After"] = str(wait_s)
            return response
        except Unauthenticated as error:
            return self._show(email, str(error), error.http_status)
        login(request, user)
        return redirect(self._next())

    def _next(self) -> str:
        asked = self.request.POST.get("next") or self.request.GET.get("next")
        return local_path(asked)

    def _show(self, email: str, problem: str, status: int) -> HttpResponse:
        context = {
            "email": email,
            "problem": problem,
            "next": self._next(),
            "is_demo": settings.RPA_DEMO,
            "has_left": LEFT in self.request.GET,
        }
        return render(self.request, "dashboard/sign_in.html", context, status=status)


class SignOut(View):
    """Ends the session."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        logout(request)
        return guarded(redirect(f"{settings.LOGIN_URL}?{LEFT}=1"))


class ChooseOrganization(Page):
    """Act in another organization from now on."""

    http_method_names = ["post", "options"]
    roles = {"POST": Role.VIEWER}

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            wanted = UUID(request.POST.get("organization", ""))
        except ValueError as error:
            raise NotFound("You are not a member of this organization.") from error
        take_seat(request, self.seat, wanted)
        return redirect("dashboard:home")
