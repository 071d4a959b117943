"""Every write to workflows and secrets: one function a use case."""

from apps.workflows.services.kept_sessions import (
    kept_session_delete,
    kept_session_load,
    kept_session_save,
    kept_sessions_prune,
)
from apps.workflows.services.secrets import (
    secret_create,
    secret_delete,
    secret_update,
    secrets_mark_used,
)
from apps.workflows.services.workflows import (
    workflow_archive,
    workflow_create,
    workflow_delete,
    workflow_duplicate,
    workflow_import,
    workflow_restore,
    workflow_unarchive,
    workflow_update,
)

__all__ = [
    "kept_session_delete",
    "kept_session_load",
    "kept_session_save",
    "kept_sessions_prune",
    "secret_create",
    "secret_delete",
    "secret_update",
    "secrets_mark_used",
    "workflow_archive",
    "workflow_create",
    "workflow_delete",
    "workflow_duplicate",
    "workflow_import",
    "workflow_restore",
    "workflow_unarchive",
    "workflow_update",
]
