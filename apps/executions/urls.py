"""Routes of executions; `/api/workflows/:id/execute` and its kin live here too."""

from django.urls import path

from apps.executions.api import (
    approvals,
    artifacts,
    files,
    hooks,
    step_tests,
    views,
    workers,
)

urlpatterns = [
    path("workflows/engine/status", views.EngineStatus.as_view()),
    path("workflows/<uuid:workflow_id>/execute", views.Execute.as_view()),
    path("workflows/<uuid:workflow_id>/cancel", views.CancelWorkflow.as_view()),
    path("workflows/<uuid:workflow_id>/status", views.WorkflowStatus.as_view()),
    path("workflows/<uuid:workflow_id>/hook", hooks.HookView.as_view()),
    path(
        "workflows/<uuid:workflow_id>/steps/test",
        step_tests.StepTestView.as_view(),
    ),
    path("executions", views.Executions.as_view()),
    path("executions/<uuid:execution_id>", views.ExecutionView.as_view()),
    path("executions/<uuid:execution_id>/steps", views.Steps.as_view()),
    path("executions/<uuid:execution_id>/cancel", views.Cancel.as_view()),
    path("executions/<uuid:execution_id>/retry", views.Retry.as_view()),
    path("executions/<uuid:execution_id>/artifacts", artifacts.Artifacts.as_view()),
    path(
        "executions/<uuid:execution_id>/artifacts/<uuid:artifact_id>",
        artifacts.ArtifactView.as_view(),
    ),
    path("approvals", approvals.Approvals.as_view()),
    path("approvals/<uuid:approval_id>", approvals.ApprovalView.as_view()),
    path("approvals/<uuid:approval_id>/decide", approvals.Decide.as_view()),
    path("workers", workers.Workers.as_view()),
    path("workers/<uuid:worker_id>/drain", workers.Drain.as_view()),
    path("files", files.Files.as_view()),
    path("files/<path:name>", files.File.as_view()),
]
