"""Workers and their children: killed, frozen, asked to stop, at the worst moments."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass, field

import psutil
import psycopg

from tests.faults.case import Run, fault
from tests.faults.ledger import Effect
from tests.faults.load import KEYED, Load
from tests.faults.stack import Stack, wait_until


def kill(process_id: int | None) -> None:
    """`kill -9`, unless it is gone already."""
    with contextlib.suppress(ProcessLookupError):
        if process_id is not None:
            os.kill(process_id, signal.SIGKILL)


@fault(
    "F01",
    "`kill -9` of a worker's child in the middle of a step",
    expected="goes on at that step within 5 s on the same worker",
    quick=True,
)
def child_killed(run: Run) -> None:
    load = run.load(rest=run.pick(short=0.5, full=2))
    for _ in range(int(run.pick(short=3, full=10))):
        run.under_way(load)
        victim = run.running(load)[-1]
        mark = run.mark([victim])
        kill(run.stack.child_of(victim))
        run.recovers(mark, goal_s=5)


@fault(
    "F02",
    "a whole worker killed while all its slots are busy",
    expected="another worker goes on within 45 s",
    quick=True,
)
def worker_killed(run: Run) -> None:
    load = run.load(rest=run.pick(short=0.8, full=3))
    victim = run.stack.programs["worker-1"]
    victims = wait_until(
        lambda: held_by(run, load, victim.pid), within_s=20, what="it runs something"
    )
    victim.is_wanted = False  # started again at once it would take over by itself
    mark = run.mark(victims)
    victim.kill()
    run.recovers(mark, goal_s=45)


def held_by(run: Run, load: Load, worker_pid: int) -> list[str]:
    """Executions that children of the worker run."""
    children = {child.pid for child in psutil.Process(worker_pid).children()}
    return [one for one in run.running(load) if run.stack.child_of(one) in children]


@fault(
    "F03",
    "SIGTERM to a worker in the middle of steps, with a grace of 2 s",
    expected="what does not end is handed back; no delivery is counted",
    quick=True,
)
def worker_asked_to_stop(run: Run) -> None:
    run.stack.replace("worker-1", WORKER_GRACE="2")
    run.stack.wait_ready()
    # Few enough for one worker: the other one stays away.
    load = run.load(rest=run.pick(short=0.4, full=2.1))
    worker = run.stack.programs["worker-1"]
    victims = wait_until(
        lambda: held_by(run, load, worker.pid), within_s=20, what="it runs something"
    )
    mark = run.mark(victims)
    stopping = threading.Thread(target=worker.stop, args=(60,))
    stopping.start()
    run.recovers(mark, goal_s=20)
    stopping.join()
    gone_s = time.monotonic() - mark.at
    run.facts.append(f"the process was gone after {gone_s:.0f} s")
    run.expect(gone_s < 20, "the worker took long to stop")
    most = run.stack.rows(
        "SELECT max(deliveries) FROM executions_execution WHERE id = ANY(%s::uuid[])",
        [victims],
    )[0][0]
    run.expect(most <= 1, f"a hand-back counted as delivery: {most}")


@fault(
    "F04",
    "SIGSTOP of a worker, SIGCONT after its leases have run out",
    expected="another worker goes on; the sleeper, awake, changes nothing",
    quick=True,
)
def worker_frozen(run: Run) -> None:
    load = run.load(rest=run.pick(short=1, full=3.5))
    worker = run.stack.programs["worker-1"]
    victims = wait_until(
        lambda: held_by(run, load, worker.pid), within_s=20, what="it runs something"
    )
    mark = run.mark(victims)
    worker.signal(signal.SIGSTOP)
    thaw_at = mark.at + run.pick(short=45, full=90)
    run.recovers(mark, goal_s=45)
    time.sleep(max(thaw_at - time.monotonic(), 0))
    worker.signal(signal.SIGCONT)
    run.expect(worker.is_running, "the worker died of its sleep")


@fault(
    "F05",
    "child killed exactly between an effect and its record",
    expected="a keyed effect is sent again under its key; another is `unknown`",
    quick=True,
)
def killed_after_the_effect(run: Run) -> None:
    strike = _Executioner(run.stack, left={"keyed": 5, "plain": 5})
    run.stack.ledger.on_effect = strike.on_effect
    load = run.load(rest=run.pick(short=0.3, full=2))
    load.join()
    wait_until(lambda: not strike.left, within_s=60, what="ten children are killed")
    run.stack.ledger.on_effect = None
    run.recovers(run.mark(strike.victims), goal_s=10)
    ended = [run.ended(one, within_s=90)[1] for one in strike.victims]
    run.expect(ended.count("unknown_outcome") == 5, f"ends of the ten: {ended}")
    keyed = [run.stack.ledger.keyed[KEYED, number] for number in strike.numbers]
    run.expect(
        all(len(keys) == 1 and keys.total() >= 2 for keys in keyed if keys),
        "a keyed effect was not sent again under the same key",
    )


@dataclass
class _Executioner:
    """Kills the child that asks for an effect, after the effect is noted."""

    stack: Stack
    left: dict[str, int]
    victims: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def on_effect(self, effect: Effect) -> None:
        with self._one_at_a_time:
            if effect.repeated or effect.book not in self.left:
                return
            self.left[effect.book] -= 1
            if not self.left[effect.book]:
                del self.left[effect.book]
            self.victims.append(effect.execution_id)
            self.numbers.append(effect.number)
            kill(self.stack.child_of(effect.execution_id))


_TELL = """
    CREATE OR REPLACE FUNCTION faults_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('faults', NEW.execution_id::text); RETURN NULL; END $$;
    CREATE OR REPLACE TRIGGER faults_tell AFTER INSERT OR UPDATE
    ON executions_steprecord FOR EACH ROW
    WHEN (NEW.step_id = 'effect' AND NEW.status = 'completed')
    EXECUTE FUNCTION faults_tell()
"""


@fault(
    "F06",
    "child killed exactly between a record and the next step",
    expected="the recorded step is not run again",
    quick=True,
)
def killed_after_the_record(run: Run) -> None:
    run.stack.rows(_TELL)
    try:
        load = run.load(rest=run.pick(short=0.5, full=2))
        victims = _kill_when_told(run, count=10)
    finally:
        run.stack.rows("DROP TRIGGER faults_tell ON executions_steprecord")
    run.recovers(run.mark(victims), goal_s=5)
    ended = [run.ended(one, within_s=90) for one in victims]
    run.expect(
        all(status == "completed" for status, _ in ended), f"ends of the ten: {ended}"
    )
    asked = _requests_of(run.stack, load, victims)
    run.expect(set(asked) == {1}, f"requests of the ten: {asked}")


def _kill_when_told(run: Run, *, count: int) -> list[str]:
    """Kill the child of each of the next executions whose record was committed."""
    victims: list[str] = []
    with psycopg.connect(run.stack.superuser_url, autocommit=True) as connection:
        connection.execute("LISTEN faults")
        for notice in connection.notifies(timeout=60):
            child = run.stack.child_of(notice.payload)
            if child is None or notice.payload in victims:
                continue
            kill(child)
            victims.append(notice.payload)
            if len(victims) == count:
                break
    run.expect(len(victims) == count, f"only {len(victims)} were killed")
    return victims


def _requests_of(stack: Stack, load: Load, ids: list[str]) -> list[int]:
    return [
        stack.ledger.count(one.book, number)
        for number, one in load.accepted.items()
        if one.execution_id in ids
    ]
