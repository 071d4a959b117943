"""Celery's prefork pool, whose idle children look into the database by themselves.

The bell tells a child at once that there is work. When nobody can ring it, work
must go on all the same: while the broker does not answer, an idle child asks the
database every second; else it asks now and then for what was missed, so that a lost
message or a worker whose connection is half dead costs seconds.
"""

from collections.abc import Callable
from typing import Any

from celery.concurrency import asynpool, prefork

from apps.executions.engine.slots import Flag


class IdleWorker(asynpool.Worker):
    """A child that does something while it waits for its next message."""

    def _make_recv_method(self, conn: Any) -> Callable[[float], Any]:
        receive = super()._make_recv_method(conn)  # type: ignore[misc]  # stubs lack it
        has_message = conn._reader.poll

        def wait(timeout: float) -> Any:
            from apps.executions.engine import idling

            while not has_message(idling.pause_s()):
                idling.look(lambda: bool(has_message(0)))
            return receive(timeout)

        return wait

    def _ensure_messages_consumed(self, completed: int) -> bool:
        """Wait until the parent has read all results, but not at a shutdown.

        It would wait for 30 s then: the parent reads no more, and waits for this child.
        """
        from apps.executions.engine import worker

        if worker.TABLE.has(Flag.STOPPING):
            return True
        found: bool = super()._ensure_messages_consumed(completed)  # type: ignore[misc]  # stubs lack it
        return found


class Pool(asynpool.AsynPool):
    """Celery's pool with our children."""

    Worker = IdleWorker


class TaskPool(prefork.TaskPool):
    """What `CELERY_WORKER_POOL` names."""

    Pool = Pool
