"""What all pages have in common: sign-in, one organization's rows, headers, errors."""

from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts.roles import Role
from apps.accounts.viewer import Viewer
from apps.core import tenancy
from apps.core.errors import Invalid, RpaError
from apps.dashboard.navigation import ENTRIES
from apps.dashboard.seats import Seat, seat_of
from apps.events.channels import ORGANIZATION

# Scripts and styles come from our own files alone; nothing else is loaded at all.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# htmx ends its polling when an answer has this status.
STOP_POLLING = 286


class PageRequest(HttpRequest):
    """A request that may come from htmx."""

    htmx: HtmxDetails


class Page(View):
    """A page for signed-in people.

    The handler, with its template, sees the rows of one organization only. An error
    that the platform raises on purpose becomes a page that says what happened.

    Attributes:
        section: the entry of the navigation that the page belongs to.
        template: the whole page.
        parts: templates of what htmx may ask for alone, by the element's id.
        roles: the role that a method needs.
    """

    section: ClassVar[str] = ""
    template: ClassVar[str] = ""
    parts: ClassVar[dict[str, str]] = {}
    roles: ClassVar[dict[str, Role]] = {"GET": Role.VIEWER, "POST": Role.OPERATOR}
    request: PageRequest
    seat: Seat

    @property
    def viewer(self) -> Viewer:
        """Who asks, and for which organization."""
        return self.seat.viewer

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        seat = seat_of(request)
        if seat is None:
            return guarded(self._to_sign_in())
        self.seat = seat
        try:
            with tenancy.tenant(self.viewer.organization_id):
                self._require_role()
                return guarded(super().dispatch(request, *args, **kwargs))
        except RpaError as error:
            # The transaction was rolled back; the page about it needs none.
            return guarded(self._problem(error))

    def _require_role(self) -> None:
        needed = self.roles.get(self.request.method or "")
        # A member of nothing sees pages without rows, which say so.
        if needed is not None and not (needed == Role.VIEWER and not self.viewer.role):
            self.viewer.require(needed)

    def show(self, *, status: int = 200, **context: Any) -> HttpResponse:
        """The page, or the part of it that htmx asks for."""
        part = self.parts.get(self.request.htmx.target or "")
        template = part if self.request.htmx and part else self.template
        return render(self.request, template, self._context(context), status=status)

    def _context(self, more: dict[str, Any]) -> dict[str, Any]:
        return {
            "seat": self.seat,
            "viewer": self.viewer,
            "may_run": self.viewer.may(Role.OPERATOR),
            "entries": ENTRIES,
            "section": self.section,
            "is_demo": settings.RPA_DEMO,
            "organization_channel": f"{ORGANIZATION}:{self.viewer.organization_id}",
            **more,
        }

    def _problem(self, error: RpaError) -> HttpResponse:
        errors = error.errors if isinstance(error, Invalid) else []
        return render(
            self.request,
            "dashboard/problem.html",
            self._context({"problem": error, "errors": errors}),
            status=error.http_status,
        )

    def _to_sign_in(self) -> HttpResponse:
        if self.request.htmx:
            shown = urlsplit(self.request.htmx.current_url_abs_path or "/").geturl()
            return HttpResponseClientRedirect(sign_in_url(shown))
        is_read = self.request.method in ("GET", "HEAD")
        return redirect(sign_in_url(self.request.get_full_path() if is_read else "/"))


def sign_in_url(then: str) -> str:
    """The address of the sign-in page that leads on to a path of ours."""
    if then == "/":
        return settings.LOGIN_URL
    return f"{settings.LOGIN_URL}?{urlencode({'next': then})}"


def local_path(text: str | None) -> str:
    """The path when it is one of this site, else the first page."""
    is_local = text is not None and text.startswith("/")
    if is_local and url_has_allowed_host_and_scheme(text, allowed_hosts=None):
        return str(text)
    return "/"


def guarded(response: HttpResponseBase) -> HttpResponseBase:
    """The answer with the headers that every page has."""
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "same-origin"
    return response


class SeatAuthentication(BaseAuthentication):
    """The pages' session, for reading by an API view that a page shows."""

    def authenticate(self, request: Request) -> tuple[Any, Viewer] | None:
        seat = seat_of(request._request)
        return None if seat is None else (seat.viewer.user, seat.viewer)
