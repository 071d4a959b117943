"""The operators' view of executions and workers: the engine owns both."""

from apps.executions.admin import executions, others, workers

__all__ = ["executions", "others", "workers"]
