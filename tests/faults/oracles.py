"""What must hold after every fault.

Q1 lost: everything accepted has a row and has ended, and nothing else is there.
Q2 double: every recorded step is there once; the ledger knows one key for each keyed
effect, and one request at most for each that may not be repeated; one end is told.
Q4 drained: no event waits, no lease is held, no browser or temporary file is left,
but for the browser that each living child keeps warm.
Q5 truth: what failed says why, in a way that its author was told to expect.
"""

import contextlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.case import Run
from tests.faults.load import KEYED, PLAIN, Load
from tests.faults.stack import Row, Stack, wait_until

DRAINED_WITHIN_S = 20.0
FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Verdict:
    """The counts of a row, and what is wrong."""

    submitted: int = 0
    completed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(run: Run) -> Verdict:
    """Ask all oracles."""
    verdict = Verdict()
    for load in run.loads:
        _judge_load(run, load, verdict)
    verdict.wrong += _not_drained(run.stack)
    return verdict


def _judge_load(run: Run, load: Load, verdict: Verdict) -> None:
    rows = run.stack.rows(
        "SELECT id::text, status, coalesce(error->>'code', ''),"
        " coalesce(error->>'message', ''), reason FROM executions_execution"
        " WHERE workflow_id = ANY(%s::uuid[])",
        [list(load.workflows.values())],
    )
    found = {row[0]: row for row in rows}
    verdict.submitted += len(load.accepted)
    verdict.wrong += [f"not accepted: {text}" for text in load.refused]
    extra = found.keys() - set(load.ids)
    verdict.doubled += [f"{one}: accepted twice" for one in extra]
    _records(run.stack, load, found, verdict)
    _ends_told(run.stack, found, verdict)
    for number, accepted in load.accepted.items():
        row = found.get(accepted.execution_id)
        if row is None or row[1] not in FINAL:
            state = "no row" if row is None else row[1]
            verdict.lost.append(f"{accepted.execution_id}: {state}")
            continue
        _judge_end(run, row, verdict)
        _judge_effects(run.stack, number, accepted.book, row, verdict)


def _judge_end(run: Run, row: Row, verdict: Verdict) -> None:
    execution_id, status, code, message, reason = row
    if status == "completed":
        verdict.completed += 1
        return
    verdict.failed[code or status] += 1
    if (code or status) not in run.ends:
        text = f"{execution_id}: {status} {code} {message or reason}"
        verdict.wrong.append(text[:300])
    if status == "failed" and not (code and message and reason):
        verdict.wrong.append(f"{execution_id}: failed without saying why")
    if code == "unknown_outcome":
        verdict.unknown.append(execution_id)


def _judge_effects(
    stack: Stack, number: str, book: str, row: Row, verdict: Verdict
) -> None:
    at = book, number
    is_complete = row[1] == "completed"
    if book == KEYED:
        keys = stack.ledger.keyed.get(at, Counter())
        if len(keys) > 1:
            verdict.doubled.append(f"{row[0]}: keys {sorted(keys)}")
        verdict.repeated += max(keys.total() - 1, 0)
    elif book == PLAIN and stack.ledger.plain[at] > 1:
        verdict.doubled.append(f"{row[0]}: {stack.ledger.plain[at]} effects")
    if is_complete and book in {KEYED, PLAIN} and not stack.ledger.count(*at):
        verdict.lost.append(f"{row[0]}: completed without its effect")


def _records(stack: Stack, load: Load, found: dict[str, Row], verdict: Verdict) -> None:
    """A path is completed once; a completed execution has no record left open."""
    rows = stack.rows(
        "SELECT execution_id::text, path, count(*) FILTER (WHERE status = 'completed'),"
        " count(*) FILTER (WHERE status = 'running')"
        " FROM executions_steprecord WHERE execution_id = ANY(%s::uuid[])"
        " GROUP BY execution_id, path",
        [load.ids],
    )
    for execution_id, path, completed, running in rows:
        if completed > 1:
            verdict.doubled.append(f"{execution_id}: {path} recorded {completed} times")
        if running and found[execution_id][1] in FINAL:
            verdict.wrong.append(f"{execution_id}: {path} is still open")


def _ends_told(stack: Stack, found: dict[str, Row], verdict: Verdict) -> None:
    rows = stack.rows(
        "SELECT execution_id::text, count(*) FROM events_event"
        " WHERE execution_id = ANY(%s::uuid[]) AND type IN"
        " ('execution-completed', 'execution-failed', 'execution-cancelled')"
        " GROUP BY execution_id",
        [list(found)],
    )
    told: dict[str, int] = dict(rows)
    for execution_id, row in found.items():
        times = told.get(execution_id, 0)
        if row[1] in FINAL and times != 1:
            verdict.wrong.append(f"{execution_id}: its end was told {times} times")


def _not_drained(stack: Stack) -> list[str]:
    """What is still there a while after everything has ended."""
    left: list[str] = []

    def is_drained() -> bool:
        left[:] = _left(stack)
        return not left

    try:
        wait_until(is_drained, within_s=DRAINED_WITHIN_S, what="drained")
    except TimeoutError:
        return left
    return []


def _left(stack: Stack) -> list[str]:
    left = []
    unnumbered, doubled = stack.rows(
        "SELECT count(*) FILTER (WHERE seq IS NULL), count(seq) - count(DISTINCT seq)"
        " FROM events_event"
    )[0]
    if unnumbered:
        left.append(f"{unnumbered} events are not published")
    if doubled:
        left.append(f"{doubled} events share a number")
    held = stack.rows(
        "SELECT count(*) FROM executions_execution WHERE lease_until IS NOT NULL"
    )[0][0]
    if held:
        left.append(f"{held} leases are held")
    if orphans := [one for one in stack.browsers() if not _is_below_a_worker(one)]:
        left.append(f"{len(orphans)} browser processes are left")
    if files := [
        one for one in (stack.directory / "tmp").glob("rpa-*") if _is_left(one)
    ]:
        left.append(f"{len(files)} temporary directories are left")
    return left


def _is_below_a_worker(browser: psutil.Process) -> bool:
    """Whether a living worker keeps it; what has lost its parent has another one."""
    with contextlib.suppress(psutil.Error):
        return any("manage.py" in " ".join(one.cmdline()) for one in browser.parents())
    return True  # it ended just now


_KEPT_BY = re.compile(r"rpa-browser-(\d+)-")


def _is_left(folder: Path) -> bool:
    """Whether it is a folder of nobody who lives."""
    found = _KEPT_BY.match(folder.name)
    return found is None or not psutil.pid_exists(int(found[1]))
