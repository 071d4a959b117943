"""Middleware of the whole project."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core import tenancy

Handler = Callable[[HttpRequest], HttpResponse]

# As strict as that of the pages, but for two things that unfold needs. Alpine makes
# functions of the expressions in its templates: 'unsafe-eval'. It sets widths by the
# attribute `style`: unsafe-inline for attributes alone. Scripts and style elements
# written into a page stay refused, and nothing is loaded from elsewhere.
ADMIN_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class PolicyForAdmin:
    """Give every answer of the admin its policy, those about errors too."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response["Content-Security-Policy"] = ADMIN_POLICY
            response["Cache-Control"] = "no-store"
            response["Referrer-Policy"] = "same-origin"
        return response


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
