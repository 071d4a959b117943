"""Lets people watch: commits what waits in a journal every 200 ms."""

import logging
import threading
import time

from django.db import close_old_connections, connections

from apps.core import outages
from apps.executions.engine.journal import Journal
from apps.executions.engine.leases import LeaseLost

log = logging.getLogger(__name__)


class Flusher:
    """Commits a journal's waiting records every 200 ms, in a thread of its own."""

    def __init__(self, interval_s: float = 0.2) -> None:
        self._interval_s = interval_s
        self._journal: Journal | None = None
        self._busy = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def watch(self, journal: Journal) -> None:
        """Start to flush this journal."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._loop, name="journal flusher", daemon=True
            )
            self._thread.start()
        self._journal = journal
        self._wanted.set()

    def release(self) -> None:
        """Stop; no flush of it is under way when this returns."""
        self._wanted.clear()
        self._journal = None
        with self._busy:
            return

    def stop(self) -> None:
        """End the thread."""
        self.release()
        self._stopping = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        while self._wanted.wait() and not self._stopping:
            time.sleep(self._interval_s)
            with self._busy:
                journal = self._journal
                if journal is not None:
                    self._show(journal)
        connections.close_all()

    def _show(self, journal: Journal) -> None:
        try:
            journal.show()
        except outages.SUSPECT:
            # The records stay in memory; the next round or step tries again.
            close_old_connections()
        except LeaseLost:
            # The main thread meets the same at its next commit.
            log.info("lease lost", extra={"execution_id": journal.lease.execution_id})
        except Exception:
            # The main thread meets the same; this one must outlive it.
            log.exception("flush failed")
