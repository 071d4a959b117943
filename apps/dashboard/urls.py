"""Addresses of the pages."""

from django.urls import include, path

from apps.dashboard.views import (
    approvals,
    editor,
    editor_api,
    executions,
    home,
    signing_in,
    workflows,
)
from apps.dashboard.views.base import SeatAuthentication
from apps.executions.api.artifacts import ArtifactView

app_name = "dashboard"
urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    path("sign-in", signing_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", signing_in.SignOut.as_view(), name="sign-out"),
    path(
        "organization",
        signing_in.ChooseOrganization.as_view(),
        name="choose-organization",
    ),
    path("workflows", workflows.Workflows.as_view(), name="workflows"),
    path("editor/", include(editor_api.urlpatterns)),
    path("workflows/new", editor.NewWorkflow.as_view(), name="workflow-new"),
    path(
        "workflows/<uuid:workflow_id>/edit",
        editor.EditWorkflow.as_view(),
        name="workflow-editor",
    ),
    path(
        "workflows/<uuid:workflow_id>",
        workflows.WorkflowView.as_view(),
        name="workflow",
    ),
    path(
        "workflows/<uuid:workflow_id>/run",
        workflows.RunWorkflow.as_view(),
        name="run",
    ),
    path("executions", executions.Executions.as_view(), name="executions"),
    path(
        "executions/<uuid:execution_id>",
        executions.ExecutionView.as_view(),
        name="execution",
    ),
    path(
        "executions/<uuid:execution_id>/cancel",
        executions.CancelExecution.as_view(),
        name="cancel",
    ),
    path(
        "executions/<uuid:execution_id>/retry",
        executions.RetryExecution.as_view(),
        name="retry",
    ),
    path(
        "executions/<uuid:execution_id>/approvals/<uuid:approval_id>",
        approvals.DecideApproval.as_view(),
        name="decide",
    ),
    path("approve/<str:token>", approvals.ApproveByLink.as_view(), name="approve"),
    path(
        "executions/<uuid:execution_id>/artifacts/<uuid:artifact_id>",
        # Programs use the one below /api, so the API's document leaves this out.
        ArtifactView.as_view(authentication_classes=[SeatAuthentication], schema=None),
        name="artifact",
    ),
]
