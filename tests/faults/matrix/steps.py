"""Steps that kill, fill, hang or meet an outside world that misbehaves."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil

from apps.ops.devstack import browser
from tests.faults.case import NotRun, Run, fault
from tests.faults.ledger import Effect
from tests.faults.load import KEYED, Step, call, document, put, rest
from tests.faults.matrix.broker import load_for
from tests.faults.matrix.workers import kill
from tests.faults.stack import wait_until

TRIES = {"max_attempts": 3, "delay": "200ms", "jitter": 0.5}


@fault(
    "F28",
    "a step that kills the process that runs it, each time",
    expected="four deliveries, then `worker_lost`; all others unharmed",
    quick=True,
)
def poison(run: Run) -> None:
    run.ends.add("worker_lost")
    load_for(run, 10)

    def strike(effect: Effect) -> None:
        if effect.book == "poison":
            kill(run.stack.child_of(effect.execution_id))

    run.stack.ledger.on_effect = strike
    poisoned = run.load_of(
        {"poison": document("poison", put("a"), call(run.stack.ledger, "poison"))}
    )
    mark = run.mark()
    poisoned.submit(3)
    for one in poisoned.ids:
        end = run.ended(one, within_s=90)
        deliveries = run.row(one, "deliveries")[0]
        run.expect(end == ("failed", "worker_lost"), f"it ended as {end}")
        run.expect(deliveries == 4, f"{deliveries} deliveries")
    run.recovered_s = time.monotonic() - mark.at


@fault(
    "F29",
    "a step that takes more memory than it may",
    expected="`too_much_memory`; the worker and all others unharmed",
)
def memory_eaten(run: Run) -> None:
    run.ends.add("too_much_memory")
    for worker in [worker.name for worker in run.stack.workers]:
        run.stack.replace(worker, EXECUTION_MEMORY_BYTES=str(250 * 1024**2))
    run.stack.wait_ready()
    before = [worker.pid for worker in run.stack.workers]
    run.stack.client.upload("large.txt", b"x" * 9_000_000)
    steps: list[Step] = [
        {"id": f"eat{n}", "type": "read_file", "params": {"path": "large.txt"}}
        for n in range(30)
    ]
    eaters = run.load_of({"eaten": document("eater", *steps, rest("r1"), rest("r2"))})
    load_for(run, 20)
    eaters.submit(3, rest=4)
    for one in eaters.ids:
        end = run.ended(one, within_s=120)
        run.expect(end == ("failed", "too_much_memory"), f"it ended as {end}")
    run.recovers(run.mark(), goal_s=10)
    after = [worker.pid for worker in run.stack.workers]
    run.expect(before == after, "a worker ended")


@fault(
    "F30",
    "a step that hangs: its process stopped, or its socket silent",
    expected="`timeout`; a group that does not answer is killed 10 s after",
)
def step_hangs(run: Run) -> None:
    run.ends.add("timeout")
    load_for(run, 20)
    silent = call(run.stack.ledger, "silent", mood="hold", timeout="2s")
    mute = run.load_of({"silent": document("silent", silent)})
    stuck = run.load_of(
        {"stuck": document("stuck", rest(), settings={"timeout": "4s"})}
    )
    mute.submit(3)
    stuck.submit(3, rest=5)
    stopped_at = {one: _stop_child(run, one) for one in stuck.ids}
    for one in (*mute.ids, *stuck.ids):
        end = run.ended(one, within_s=60)
        run.expect(end == ("failed", "timeout"), f"it ended as {end}")
    longest = max(time.monotonic() - at for at in stopped_at.values())
    run.facts.append(f"the last stopped one was buried {longest:.0f} s after its stop")
    run.expect(longest < 4 + 30, "a stopped child was not killed in time")
    run.recovers(run.mark(), goal_s=10)


def _stop_child(run: Run, execution_id: str) -> float:
    child = wait_until(
        lambda: run.stack.child_of(execution_id), within_s=60, what="it runs"
    )
    os.kill(child, signal.SIGSTOP)
    return time.monotonic()


@fault(
    "F31",
    "`kill -9` of Chromium, then of chromedriver, under a running workflow",
    expected="goes on in a new browser from the last page; nothing left behind",
)
def browser_killed(run: Run) -> None:
    if browser.find() is None:
        raise NotRun("no Chromium on this machine")
    load_for(run, 20)
    page = f"http://127.0.0.1:{run.stack.port}/demo/"
    steps: list[Step] = [
        {"id": "page", "type": "navigate", "params": {"url": page}},
        rest(),
        {"id": "text", "type": "extract_text", "params": {"target": "h1"}},
    ]
    for name in ("chromium", "chromedriver"):
        one = run.one("browser", document("browser", *steps), rest=4)
        wait_until(partial(_has_ended, run, one, "page"), within_s=60, what="the page")
        killed = [p for p in run.stack.browsers() if _is(p, name)]
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        status, code = run.ended(one, within_s=90)
        run.facts.append(f"{len(killed)} {name}: {status} {code}".strip())
        run.expect(killed, f"no {name} was there to kill")
        run.expect(status == "completed", f"without {name} it {status}: {code}")
    run.recovers(run.mark(), goal_s=10)


def _is(process: psutil.Process, name: str) -> bool:
    with contextlib.suppress(psutil.Error):
        is_driver = "chromedriver" in process.name()
        return is_driver == (name == "chromedriver")
    return False


def _has_ended(run: Run, execution_id: str, step_id: str) -> bool:
    return bool(
        run.stack.rows(
            "SELECT 1 FROM executions_steprecord WHERE execution_id = %s"
            " AND step_id = %s AND status = 'completed'",
            [execution_id, step_id],
        )
    )


@fault(
    "F32",
    "the disk for files is full, then read-only",
    expected="a failure that says so; workflows without files go on",
)
def disk_full(run: Run) -> None:
    files = Path(run.stack.environment["DATA_DIR"]) / "files"
    files.mkdir(exist_ok=True)
    path = "full/{{ inputs.number }}.txt"
    write: Step = {
        "id": "kept",
        "type": "write_file",
        "params": {"path": path, "content": "{{ 'x' * 100000 }}"},
    }
    dry = document("dry", put("a"), call(run.stack.ledger, KEYED), rest(), put("b"))
    with _small_disk(files) as turn_read_only:
        ends = [_ends_of_writers(run, write)]
        turn_read_only()
        ends.append(_ends_of_writers(run, write))
        load = run.load_of({KEYED: dry})
        with run.stack.workers_asleep():
            load.submit(200, rest=0.5)
        run.under_way(load)
        run.finish()
    run.facts.append(f"full: {ends[0]}, read-only: {ends[1]}")
    mark = run.mark()
    run.one("after", document("after", write))
    run.recovers(mark, goal_s=10)


def _ends_of_writers(run: Run, write: Step) -> str:
    load = run.load_of({"full": document("full", write)})
    load.submit(20)
    ends = {run.ended(one, within_s=60) for one in load.ids}
    codes = {code for status, code in ends if status == "failed"}
    run.expect(codes, "no write failed")
    run.expect("internal_error" not in codes, f"codes of the failures: {codes}")
    run.ends |= codes
    return ", ".join(sorted(codes))


@contextlib.contextmanager
def _small_disk(directory: Path) -> Iterator[Callable[[], None]]:
    """A file system of its own with room for a few files; gives what locks it."""

    def mount(*arguments: str) -> None:
        command = ["mount", *arguments, str(directory)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NotRun(f"mounting a small disk is not allowed: {done.stderr}".strip())

    mount("-t", "tmpfs", "-o", "size=512k,mode=0777", "none")
    try:
        yield lambda: mount("-o", "remount,ro")
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


MOODS: dict[str, tuple[str, int]] = {
    # how the target behaves: how it must end, how often it may be asked
    "fails-twice": ("completed", 3),
    "fails": ("http_500", 3),
    "reset": ("completed", 2),
    "half": ("completed", 2),
    "hold": ("completed", 2),
    "drip": ("timeout", 3),
}


@fault(
    "F33",
    "a target that answers 5xx, resets, breaks off, drips or hangs",
    expected="tried again as `retry` says and never more, under one key, in time",
)
def target_misbehaves(run: Run) -> None:
    run.ends |= {"http_500", "timeout"}
    ledger = run.stack.ledger
    load_for(run, 20)
    loads = {}
    for mood in MOODS:
        step = call(ledger, mood, mood=mood, retry=TRIES)
        step["params"]["timeout"] = "2s"
        loads[mood] = run.load_of({mood: document(mood, put("a"), step)})
        loads[mood].submit(int(run.pick(short=10, full=30)))
    run.finish()
    for mood, (wanted, most) in MOODS.items():
        ends = {run.ended(one, within_s=5) for one in loads[mood].ids}
        found = {code or status for status, code in ends}
        run.expect(found == {wanted}, f"{mood}: ended as {found}")
        for number in loads[mood].accepted:
            keys = ledger.keyed[mood, number]
            run.expect(len(keys) == 1, f"{mood}: {len(keys)} keys")
            run.expect(keys.total() <= most, f"{mood}: asked {keys.total()} times")
    run.recovers(run.mark(), goal_s=5)


@fault(
    "F34",
    "names do not resolve",
    expected="`dns_failed` after the tries that `retry` allows, one claim each",
)
def names_unknown(run: Run) -> None:
    run.ends.add("dns_failed")
    load_for(run, 20)
    step: Step = {
        "id": "ask",
        "type": "http_request",
        "params": {"url": "http://no-such-host.invalid/"},
        "retry": TRIES,
    }
    load = run.load_of({"dns": document("dns", step)})
    load.submit(int(run.pick(short=20, full=100)))
    run.finish()
    deliveries, attempts = run.stack.rows(
        "SELECT max(e.lease_token), max(s.attempt) FROM executions_execution e"
        " JOIN executions_steprecord s ON s.execution_id = e.id"
        " WHERE e.id = ANY(%s::uuid[])",
        [load.ids],
    )[0]
    run.expect(deliveries == 1, f"claimed {deliveries} times")
    run.expect(attempts == TRIES["max_attempts"], f"{attempts} attempts")
    run.recovers(run.mark(), goal_s=5)
