"""Runs executions in this process, for `manage.py run --local`: no worker needed."""

import signal
import time
import uuid

from django.db import connection

from apps.core import tenancy
from apps.executions.engine import interrupts
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.reconciler import wake_due
from apps.executions.engine.runner import Place, run_execution
from apps.executions.engine.slots import Slot, SlotTable
from apps.executions.engine.supervisor import Supervisor
from apps.executions.engine.tools import ProcessTools
from apps.executions.engine.workers import Identity, say_gone
from apps.executions.follow import status
from apps.executions.models import Execution


def run_here(execution: Execution) -> None:
    """Run one execution to its end in the main thread of this process.

    Its children (`call_workflow`) run here too. Waiting is waited for.
    """
    table = SlotTable(1)
    identity = Identity(pool="local", capacity=1)
    # It must not kill its own process: an interrupt has to do.
    supervisor = Supervisor(table, identity, may_kill=False)
    slot = Slot(table, 0)
    place = Place(slot, ProcessTools(), Flusher())
    before = signal.getsignal(interrupts.SIGNAL), signal.getsignal(signal.SIGALRM)
    interrupts.install(lambda: slot.is_ordered)
    supervisor.start()
    try:
        _until_ended(execution, place)
    finally:
        place.flusher.stop()
        place.tools.close()
        supervisor.stop()
        say_gone(identity)
        signal.signal(interrupts.SIGNAL, before[0])
        signal.signal(signal.SIGALRM, before[1])


def _until_ended(execution: Execution, place: Place) -> None:
    while not status(execution).is_final:
        # Newest first: a parent waits for the children that it has started.
        queued = sorted(_queued(execution), reverse=True)
        if not any(run_execution(one, place) for one in queued):
            wake_due()
            time.sleep(0.1)


def _queued(execution: Execution) -> list[uuid.UUID]:
    """The queued ones among the execution and all that it has started."""
    with tenancy.tenant(execution.organization_id), connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE tree AS (SELECT id, status FROM executions_execution"
            "  WHERE id = %s UNION ALL SELECT e.id, e.status"
            "  FROM executions_execution e JOIN tree ON e.parent_id = tree.id)"
            " SELECT id FROM tree WHERE status = 'queued'",
            [execution.id],
        )
        return [row[0] for row in cursor.fetchall()]
