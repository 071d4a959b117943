"""Routes of workflows, secrets and step types, below `/api/`."""

from django.urls import path

from apps.workflows.api import (
    kept_sessions,
    secrets,
    step_types,
    versions,
    workflows,
)

_ONE = "workflows/<uuid:workflow_id>"

urlpatterns = [
    path("workflows", workflows.WorkflowsView.as_view()),
    path("workflows/validate", workflows.ValidateView.as_view()),
    path("workflows/import", workflows.ImportView.as_view()),
    path(_ONE, workflows.WorkflowView.as_view()),
    path(f"{_ONE}/export", workflows.ExportView.as_view()),
    path(f"{_ONE}/duplicate", workflows.DuplicateView.as_view()),
    path(f"{_ONE}/archive", workflows.ArchiveView.as_view()),
    path(f"{_ONE}/unarchive", workflows.UnarchiveView.as_view()),
    path(f"{_ONE}/compare", versions.CompareView.as_view()),
    path(f"{_ONE}/versions", versions.VersionsView.as_view()),
    path(f"{_ONE}/versions/<int:number>", versions.VersionView.as_view()),
    path(f"{_ONE}/versions/<int:number>/restore", versions.RestoreView.as_view()),
    path(f"{_ONE}/browser-sessions", kept_sessions.KeptSessionsView.as_view()),
    path(
        f"{_ONE}/browser-sessions/<slug:name>",
        kept_sessions.KeptSessionView.as_view(),
    ),
    path("secrets", secrets.SecretsView.as_view()),
    path("secrets/<str:reference>", secrets.SecretView.as_view()),
    path("step-types", step_types.StepTypesView.as_view()),
    path("step-types/<str:name>", step_types.StepTypeView.as_view()),
    path("definition-schema", step_types.DefinitionSchemaView.as_view()),
]
