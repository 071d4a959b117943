"""The operators' site: unfold's looks, in a form that a strict policy lets through."""

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class OperatorsSite(UnfoldAdminSite):  # type: ignore[misc]  # has no types
    """The admin of the whole installation."""

    index_template = "ops/landing.html"
    index_title = "Overview"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What each page gets; colors come from a file, not from an inline style."""
        context: dict[str, Any] = super().each_context(request)
        return context | {"colors": None}

    def _build_app_dict(
        self, request: HttpRequest, label: str | None = None
    ) -> dict[str, Any]:
        """The rooms with their models, under names that Django cannot make itself."""
        rooms: dict[str, Any] = super()._build_app_dict(request, label)
        for room in rooms.values():
            for entry in room["models"]:
                plural = getattr(self._registry[entry["model"]], "plural", "")
                entry["name"] = plural or entry["name"]
        return rooms
