"""What callers, editors and schedulers do at a bad moment."""

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.case import NotRun, Run, fault
from tests.faults.client import Client
from tests.faults.gate import gate_to
from tests.faults.load import KEYED, call, document, put, rest, steady
from tests.faults.matrix.broker import load_for
from tests.faults.stack import wait_until


@fault(
    "F20",
    "web killed after an execution was accepted and before it was said",
    expected="the caller asks again with its key and gets the same execution",
    quick=True,
)
def web_killed(run: Run) -> None:
    load = load_for(run, 10)
    web = run.stack.programs["web"]
    with gate_to("127.0.0.1", run.stack.port) as gate:
        caller = Client(f"http://127.0.0.1:{gate.port}", run.stack.client.token)
        careful = run.load_of({KEYED: steady(run.stack.ledger)})
        careful.client = caller
        for _ in range(int(run.pick(short=2, full=10))):
            # The answer is on its way, so the execution is committed.
            gate.on_answer = web.kill
            careful.submit(1)
        caller.close()
    kills = web.restarts
    run.recovers(run.mark(), goal_s=20)
    unanswered = [a for a in caller.answers if a.is_of_work and not a.status]
    asked = f"the caller asked {len(unanswered)} times in vain"
    run.facts.append(f"web killed {kills} times; {asked}")
    run.expect(len(unanswered) >= len(careful.accepted), "no answer was lost")
    run.expect(load.accepted, "no load")


@fault(
    "F21",
    "beat, which publishes and rings, killed again and again",
    expected="messages may come twice; each event has one number, nothing is lost",
)
def beat_killed(run: Run) -> None:
    seconds = run.pick(short=20, full=60)
    load_for(run, seconds)
    beat, end = run.stack.programs["beat"], time.monotonic() + seconds
    while time.monotonic() < end:
        if beat.is_running:
            # Not always in the same place of its rounds.
            time.sleep(3 + time.monotonic() % 0.7)
            beat.kill()
        time.sleep(0.1)
    run.facts.append(f"{beat.restarts} times")
    run.recovers(run.mark(), goal_s=20)


@fault(
    "F22",
    "two beats, then ten (three and five in short)",
    expected="nothing woken, rung or published twice",
)
def many_beats(run: Run) -> None:
    steps = put("a"), rest("long"), call(run.stack.ledger, KEYED)
    for beats in (2, 10) if run.is_full else (3, 5):
        for number in range(2, beats + 1):
            if f"beat-{number}" not in run.stack.programs:
                run.stack.add(f"beat-{number}", "beat")
        run.stack.wait_ready()
        parked = run.load_of({KEYED: document("waiting", *steps)})
        parked.submit(30, rest=8)
        run.load(170, rest=0.5)
        run.finish()
        woken = run.stack.rows(
            "SELECT max(lease_token) FROM executions_execution"
            " WHERE id = ANY(%s::uuid[])",
            [parked.ids],
        )[0][0]
        run.expect(woken == 2, f"{beats} beats: one was claimed {woken} times")
    run.recovers(run.mark(), goal_s=5)


_SHIFT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) {
    const char *given = getenv("CLOCK_SHIFT_S");
    return given ? atol(given) : 0;
}
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, at);
    if (id == CLOCK_REALTIME) at->tv_sec += shift();
    return done;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int done = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000;
    return done;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


@fault(
    "F25",
    "one worker's clock two hours ahead, the other's two behind",
    expected="nothing claimed or taken back early: the database's clock decides",
)
def clocks_wrong(run: Run) -> None:
    library = _build_shift(run)
    for name, shift_s in (("worker-1", 7200), ("worker-2", -7200)):
        run.stack.replace(name, LD_PRELOAD=library, CLOCK_SHIFT_S=str(shift_s))
    run.stack.wait_ready()
    parked = run.load_of(
        {KEYED: document("parked", rest(), call(run.stack.ledger, KEYED))}
    )
    parked.submit(20, rest=15)
    load = run.load(rest=run.pick(short=1, full=4))
    run.finish()
    early = run.stack.rows(
        "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[])"
        " AND finished_at < queued_at + interval '15 s'",
        [parked.ids],
    )[0][0]
    run.expect(not early, f"{early} were woken early")
    most = run.stack.rows(
        "SELECT max(lease_token) FROM executions_execution WHERE id = ANY(%s::uuid[])",
        [load.ids],
    )[0][0]
    run.expect(most == 1, f"one was claimed {most} times")


def _build_shift(run: Run) -> str:
    """A library that moves the clock of a process that loads it."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotRun("no C compiler here to build a library that moves the clock")
    source, library = (run.stack.directory / f"shift.{end}" for end in ("c", "so"))
    source.write_text(_SHIFT)
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return str(library)


@fault(
    "F42",
    "200 cancels in each state at once, and again",
    expected="all ended within 10 s, no second end, no child left at work",
)
def cancel_storm(run: Run) -> None:
    run.ends.add("cancelled")
    parked = run.load_of({KEYED: document("parked", rest())})
    parked.submit(200, rest=3600)
    wait_until(
        lambda: _count(run, parked.ids, "waiting") == 200, within_s=120, what="parked"
    )
    # Long enough that none ends by itself, short enough for its time limit.
    busy = run.load_of({KEYED: document("busy", *(rest(f"r{n}") for n in range(60)))})
    with run.stack.workers_asleep():
        busy.submit(200, rest=4)
    run.under_way(busy, 8)
    ids = [one for pair in zip(parked.ids, busy.ids, strict=True) for one in pair]
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda one: _cancel(run, one), ids))
    asked_s, asked_at = time.monotonic() - began, time.monotonic()
    wait_until(
        lambda: _count(run, ids, "cancelled") == len(ids), within_s=60, what="cancelled"
    )
    run.recovered_s = time.monotonic() - asked_at
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda one: _cancel(run, one), ids))
    run.facts.append(f"{len(ids)} cancels asked for in {asked_s:.0f} s")
    run.expect(set(first) <= {200, 202}, f"answers of the first: {set(first)}")
    run.expect(set(again) <= {200, 202}, f"answers of the second: {set(again)}")
    run.expect(run.recovered_s <= run.pick(short=30, full=10), "cancels took too long")


def _cancel(run: Run, execution_id: str) -> int:
    answer = run.stack.client.ask("POST", f"/api/executions/{execution_id}/cancel")
    return answer.status_code if answer is not None else 0


def _count(run: Run, ids: list[str], status: str) -> int:
    return int(
        run.stack.rows(
            "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[])"
            " AND status = %s",
            [ids, status],
        )[0][0]
    )


@fault(
    "F43",
    "workflows edited, then archived, while their executions run",
    expected="each execution keeps the version that it started with",
)
def workflow_edited(run: Run) -> None:
    ledger, client = run.stack.ledger, run.stack.client
    old = document("edited", rest("before"), call(ledger, KEYED), put("last"))
    load = run.load_of({KEYED: old})
    with run.stack.workers_asleep():
        load.submit(200, rest=1)
    run.under_way(load)
    (workflow_id,) = load.workflows.values()
    new = {**old, "steps": [rest("before"), call(ledger, "edited"), put("other")]}
    client.insist("PUT", f"/api/workflows/{workflow_id}", json={"definition": new})
    time.sleep(2)
    client.insist("POST", f"/api/workflows/{workflow_id}/archive")
    run.recovers(run.mark(), goal_s=10)
    run.finish()
    strays = [number for book, number in ledger.keyed if book == "edited"]
    run.expect(not strays, f"{len(strays)} ran another version")
