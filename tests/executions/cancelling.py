"""Cancels an execution as its owner."""

from apps.executions.cancels import execution_cancel
from apps.executions.models import Execution
from tests.fixtures_engine import Engine


def cancel(engine: Engine, execution: Execution) -> None:
    """Ask it to stop."""
    with engine.scope():
        execution_cancel(execution=engine.now(execution), by=engine.viewer)
