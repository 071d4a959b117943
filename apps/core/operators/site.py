"""The operators' site: unfold's looks, in a form that a strict policy lets through."""

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class OperatorsSite(UnfoldAdminSite):  # type: ignore[misc]  # has no types
    """The admin of the whole installation."""

    index_template = "ops/landing.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What each page gets; colors come from a file, not from an inline style."""
        context: dict[str, Any] = super().each_context(request)
        return context | {"colors": None}
