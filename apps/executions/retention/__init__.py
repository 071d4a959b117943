"""How long executions and events are kept, and the pruner that deletes the rest."""

from apps.executions.retention.files import sweep_files
from apps.executions.retention.passes import Total, prune, prune_if_due

__all__ = ["Total", "prune", "prune_if_due", "sweep_files"]
