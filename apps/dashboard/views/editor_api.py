"""The endpoints that the editor calls by the pages' session.

A cookie opens nothing below /api. These few are the same views at addresses of the
editor, and what changes anything needs the page's CSRF token as well.
"""

from typing import Any

from django.urls import URLPattern, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from apps.accounts.viewer import Viewer
from apps.core.api.views import ApiView
from apps.dashboard.views.base import SeatAuthentication
from apps.executions.api import step_tests
from apps.executions.api import views as executions
from apps.workflows.api import secrets, step_types, workflows


class GuardedSeat(SeatAuthentication):
    """The pages' session with their CSRF token, which reading does not need."""

    def authenticate(self, request: Request) -> tuple[Any, Viewer] | None:
        found = super().authenticate(request)
        if found is not None:
            SessionAuthentication().enforce_csrf(request)
        return found


def _served(route: str, view: type[ApiView], *methods: str) -> URLPattern:
    options: dict[str, Any] = {
        "authentication_classes": [GuardedSeat],
        "http_method_names": list(methods),
        # Programs use the one below /api, so the API's document leaves this out.
        "schema": None,
    }
    return path(route, view.as_view(**options))


urlpatterns = [
    _served("step-types", step_types.StepTypesView, "get"),
    _served("definition-schema", step_types.DefinitionSchemaView, "get"),
    _served("secrets", secrets.SecretsView, "get"),
    _served("workflows", workflows.WorkflowsView, "post"),
    _served("workflows/validate", workflows.ValidateView, "post"),
    _served("workflows/<uuid:workflow_id>", workflows.WorkflowView, "get", "patch"),
    _served("workflows/<uuid:workflow_id>/export", workflows.ExportView, "get"),
    _served("workflows/<uuid:workflow_id>/steps/test", step_tests.StepTestView, "post"),
    _served("executions", executions.Executions, "get"),
    _served("executions/<uuid:execution_id>/steps", executions.Steps, "get"),
    _served("executions/<uuid:execution_id>/retry", executions.Retry, "post"),
]
