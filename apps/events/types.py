"""The types of stored events that others may ask for by name."""

EXECUTION = tuple(
    f"execution-{word}"
    for word in ("queued", "started", "waiting", "completed", "failed", "cancelled")
)
WORKFLOW_CHANGED = "workflow-changed"
NOTIFICATION = "notification"
"""Something that one user, or everybody in an organization, is told."""
MAINTENANCE = "system-maintenance"
"""Announced by an operator of the platform; reaches every organization."""
WEBHOOK_DISABLED = "webhook-disabled"
"""A webhook failed for too long, or its receiver said that it is gone."""
SCHEDULE = ("schedule-fired", "schedule-missed", "schedule-skipped")

TYPES = (
    *EXECUTION,
    *SCHEDULE,
    WORKFLOW_CHANGED,
    NOTIFICATION,
    MAINTENANCE,
    WEBHOOK_DISABLED,
)
