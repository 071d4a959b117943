"""Addresses of the pages."""

from django.urls import include, path

from apps.dashboard.views import (
    approvals,
    artifacts,
    bulk,
    editor,
    editor_api,
    executions,
    frames,
    home,
    retrying,
    signing_in,
    versions,
    workflow_settings,
    workflows,
)
from apps.dashboard.views.base import SeatAuthentication
from apps.executions.api.artifacts import ArtifactView

app_name = "dashboard"

_doors = [
    path("sign-in", signing_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", signing_in.SignOut.as_view(), name="sign-out"),
    path(
        "organization",
        signing_in.ChooseOrganization.as_view(),
        name="choose-organization",
    ),
]
_frames = [
    path(
        frame.section,
        frames.FramePage.as_view(frame=frame),
        name=frame.section,
    )
    for frame in (
        frames.TEMPLATES,
        frames.SCHEDULES,
        frames.NOTIFICATIONS,
        frames.ANALYTICS,
    )
]
_WORKFLOW = "workflows/<uuid:workflow_id>"
_workflows = [
    path("workflows", workflows.Workflows.as_view(), name="workflows"),
    path("editor/", include(editor_api.urlpatterns)),
    path("workflows/new", editor.NewWorkflow.as_view(), name="workflow-new"),
    path(_WORKFLOW, workflows.WorkflowView.as_view(), name="workflow"),
    path(f"{_WORKFLOW}/edit", editor.EditWorkflow.as_view(), name="workflow-editor"),
    path(f"{_WORKFLOW}/run", workflows.RunWorkflow.as_view(), name="run"),
    path(f"{_WORKFLOW}/runs", workflows.WorkflowRuns.as_view(), name="workflow-runs"),
    path(
        f"{_WORKFLOW}/versions",
        versions.WorkflowVersions.as_view(),
        name="workflow-versions",
    ),
    path(
        f"{_WORKFLOW}/versions/<int:number>/restore",
        versions.RestoreVersion.as_view(),
        name="restore-version",
    ),
    path(
        f"{_WORKFLOW}/schedules",
        workflows.WorkflowSchedules.as_view(),
        name="workflow-schedules",
    ),
    path(
        f"{_WORKFLOW}/settings",
        workflow_settings.WorkflowSettings.as_view(),
        name="workflow-settings",
    ),
    path(
        f"{_WORKFLOW}/actions/<slug:action>",
        workflow_settings.WorkflowAction.as_view(),
        name="workflow-action",
    ),
]
_EXECUTION = "executions/<uuid:execution_id>"
_executions = [
    path("executions", executions.Executions.as_view(), name="executions"),
    path("executions/bulk", bulk.BulkAction.as_view(), name="bulk"),
    path("executions/filters", bulk.SaveFilter.as_view(), name="save-filter"),
    path(
        "executions/filters/<uuid:filter_id>/delete",
        bulk.DeleteFilter.as_view(),
        name="delete-filter",
    ),
    path(_EXECUTION, executions.ExecutionView.as_view(), name="execution"),
    path(
        f"{_EXECUTION}/artifacts",
        artifacts.ExecutionArtifacts.as_view(),
        name="artifacts",
    ),
    path(f"{_EXECUTION}/step", executions.StepView.as_view(), name="step"),
    path(f"{_EXECUTION}/logs", executions.LogView.as_view(), name="logs"),
    path(f"{_EXECUTION}/logs.txt", executions.LogDownload.as_view(), name="logs-text"),
    path(f"{_EXECUTION}/cancel", executions.CancelExecution.as_view(), name="cancel"),
    path(f"{_EXECUTION}/retry", retrying.RetryExecution.as_view(), name="retry"),
    path(
        f"{_EXECUTION}/retry/preview",
        retrying.RetryPreview.as_view(),
        name="retry-preview",
    ),
    path(
        f"{_EXECUTION}/approvals/<uuid:approval_id>",
        approvals.DecideApproval.as_view(),
        name="decide",
    ),
    path(
        f"{_EXECUTION}/artifacts/<uuid:artifact_id>",
        # Programs use the one below /api, so the API's document leaves this out.
        ArtifactView.as_view(authentication_classes=[SeatAuthentication], schema=None),
        name="artifact",
    ),
    path("approve/<str:token>", approvals.ApproveByLink.as_view(), name="approve"),
]
urlpatterns = [
    path("", home.HomePage.as_view(), name="home"),
    *_doors,
    *_frames,
    *_workflows,
    *_executions,
]
