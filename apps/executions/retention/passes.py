"""One pass over everything that may be due."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from apps.core import heartbeats
from apps.events import pruning
from apps.executions.retention import batches
from apps.executions.retention.files import remove_files, sweep_files
from apps.executions.retention.rules import Rule, rules
from apps.workflows.services import kept_sessions_prune

log = logging.getLogger(__name__)

PASS, SWEEP = "pruner", "file sweeper"
PASS_EVERY = timedelta(hours=1)
SWEEP_EVERY = timedelta(days=1)
# After a batch it rests as long as the batch took, so that pruning is never more
# than half of one connection's work.
LONGEST_REST_S = 2.0
_FIRST = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Total:
    """What has been deleted."""

    executions: int = 0
    records: int = 0
    files: int = 0
    events: int = 0
    sessions: int = 0

    def __add__(self, other: "Total") -> "Total":
        return Total(
            self.executions + other.executions,
            self.records + other.records,
            self.files + other.files,
            self.events + other.events,
            self.sessions + other.sessions,
        )


Progress = Callable[[Total], None]


def prune_if_due() -> None:
    """A pass, if there was none within the hour; any number of processes may ask."""
    if heartbeats.claim(PASS, every=PASS_EVERY):
        _say(prune(on_progress=_Alive()))
    if heartbeats.claim(SWEEP, every=SWEEP_EVERY):
        removed = sweep_files()
        log.info("files swept", extra={"removed": removed})


def prune(*, dry_run: bool = False, on_progress: Progress | None = None) -> Total:
    """Delete all that is due, in small batches with rests; gives what it was.

    Args:
        dry_run: only count; executions that open ones still need are counted too.
        on_progress: told the total so far after each batch.
    """
    total = Total()
    for found in _steps(dry_run=dry_run):
        total += found
        if on_progress is not None:
            on_progress(total)
    if not dry_run and total != Total():
        log.info(
            "pruned",
            extra={"executions": total.executions, "events": total.events},
        )
    return total


def _steps(*, dry_run: bool) -> Iterator[Total]:
    for rule in rules():
        yield from _counted(rule) if dry_run else _pruned(rule)
    yield from _events(dry_run=dry_run)
    yield from _sessions(dry_run=dry_run)


def _pruned(rule: Rule) -> Iterator[Total]:
    before = _end(rule)
    after: uuid.UUID | None = _FIRST
    size = batches.BATCH
    while before and after:
        started = time.monotonic()
        window = batches.look(rule, after=after, before=before, size=size)
        after = window.last
        # Where some are due there are more; else a wider look passes the kept ones.
        size = batches.BATCH if window.due else batches.WINDOW
        if window.due:
            gone = batches.delete(rule, window.due)
            # A batch that would have been too large stopped early.
            after = gone.until if gone.until != window.due[-1] else after
            files = remove_files(rule.organization_id, gone.with_files, gone.files)
            yield Total(gone.executions, gone.records, files)
        _rest(started)


def _counted(rule: Rule) -> Iterator[Total]:
    before = _end(rule)
    after: uuid.UUID | None = _FIRST
    while before and after:
        window = batches.look(rule, after=after, before=before, size=batches.WINDOW)
        after = window.last
        yield Total(executions=len(window.due))


def _end(rule: Rule) -> uuid.UUID | None:
    """No execution from this id on may go; None: none at all may."""
    if not rule.keep_last or rule.newest is None:
        return rule.newest
    first_kept = batches.first_kept(rule)
    return min(rule.newest, first_kept) if first_kept else None


def _events(*, dry_run: bool) -> Iterator[Total]:
    kept = settings.RETENTION_EVENTS_DAYS
    until: int | None = 0
    while kept and until is not None:
        started = time.monotonic()
        pruned = pruning.prune_batch(kept=kept, after=until, dry_run=dry_run)
        until = pruned.until
        if pruned.events:
            yield Total(events=pruned.events)
            _rest(started)


def _sessions(*, dry_run: bool) -> Iterator[Total]:
    unused_for = settings.RETENTION_SESSIONS_DAYS
    if unused_for and (
        gone := kept_sessions_prune(unused_for=unused_for, dry_run=dry_run)
    ):
        yield Total(sessions=gone)


def _rest(started: float) -> None:
    time.sleep(min(time.monotonic() - started, LONGEST_REST_S))


def _say(total: Total) -> None:
    heartbeats.beat(PASS, executions=total.executions, events=total.events)


class _Alive:
    """Says now and then that the pass goes on, so that nobody begins another."""

    _EVERY_S = 60.0

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, total: Total) -> None:
        if time.monotonic() - self._said_at > self._EVERY_S:
            _say(total)
            self._said_at = time.monotonic()
