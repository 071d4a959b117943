"""Middleware of the whole project."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core import tenancy

Handler = Callable[[HttpRequest], HttpResponse]


class SystemScopeForAdmin:
    """Run the operators' admin across all organizations, in one transaction."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with tenancy.system():
            response = self.get_response(request)
            # Template responses were rendered inside get_response already.
            return response
