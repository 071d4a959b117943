"""The database: restarted, cut off, read-only, full, locked, set back, restored."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import psycopg

from apps.ops.devstack.databases import APP_ROLE, DATABASE, url_for
from apps.ops.devstack.postgres import bin_dir
from tests.faults.case import Run, fault
from tests.faults.client import Answer
from tests.faults.gate import gate_to
from tests.faults.load import KEYED, call, document, steady
from tests.faults.matrix.broker import ended_since, load_for
from tests.faults.stack import address_of, server_signal, through, wait_until


def check_answers(run: Run, answers: list[Answer]) -> None:
    """The API says 503 with `Retry-After`, or nothing, and never 500."""
    answers = [answer for answer in answers if answer.is_of_work]
    statuses = [answer.status for answer in answers]
    silent = [a for a in answers if a.status == 503 and a.retry_after is None]
    told = {status: statuses.count(status) for status in sorted(set(statuses))}
    run.facts.append(f"answers of the API: {told}".replace("{", "").replace("}", ""))
    run.expect(500 not in statuses, "the API answered 500")
    run.expect(not silent, "503 without Retry-After")


@fault(
    "F14",
    "PostgreSQL restarted three times, or each 20 s for 5 min in full",
    expected="the API says 503 with Retry-After; then all goes on by itself",
    quick=True,
)
def database_restarted(run: Run) -> None:
    restarts = int(run.pick(short=3, full=15))
    pause_s = run.pick(short=4, full=17)
    load = load_for(run, restarts * pause_s)
    seen = len(run.stack.client.answers)
    load.trickle(int(run.pick(short=30, full=300)), restarts * pause_s, rest=1)
    for number in range(restarts):
        if number:
            time.sleep(pause_s)
        run.stack.postgres.stop()
        run.stack.postgres.start()
    run.recovers(run.mark(), goal_s=20)
    run.finish()
    answers = run.stack.client.answers[seen:]
    check_answers(run, answers)


@fault(
    "F15",
    "`kill -9` of PostgreSQL's backend processes, which restarts all of them",
    expected="one more try, and nothing stuck",
)
def backends_killed(run: Run) -> None:
    load_for(run, 25)
    for _ in range(int(run.pick(short=3, full=8))):
        rows = run.stack.rows(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s"
            " ORDER BY random() LIMIT 1",
            [APP_ROLE],
        )
        for (pid,) in rows:
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)
        wait_until(lambda: _answers(run), within_s=30, what="PostgreSQL is back")
    run.recovers(run.mark(), goal_s=20)


def _answers(run: Run) -> bool:
    try:
        return bool(run.stack.rows("SELECT 1"))
    except psycopg.Error:
        time.sleep(0.2)
        return False


@fault(
    "F16",
    "one worker cut off from PostgreSQL for 90 s, nobody hears of it",
    expected="it stops its steps within 60 s; the other goes on with them",
)
def worker_cut_off(run: Run) -> None:
    seconds = run.pick(short=70, full=90)
    with gate_to(*address_of(run.stack.postgres.url)) as gate:
        url = through(run.stack.urls.app, gate.port)
        # Alone, so that the held execution is surely its own.
        run.stack.remove("worker-2")
        run.stack.replace("worker-1", DATABASE_URL=url)
        run.stack.wait_ready()
        hold = call(run.stack.ledger, "held", mood="hold")
        hold["params"]["timeout"] = "4m"
        held = run.one("held", document("held", hold))
        number = next(iter(run.loads[-1].accepted))
        wait_until(
            lambda: run.stack.ledger.count("held", number), within_s=30, what="held"
        )
        run.stack.add("worker-2", *run.stack.standard["worker-2"])
        run.stack.wait_ready()
        load_for(run, 60)
        gate.is_silent = True
        mark = run.mark([held])
        run.stack.ledger.hung_up.clear()
        run.recovers(mark, goal_s=60)
        time.sleep(max(mark.at + seconds - time.monotonic(), 0))
        left = [moment - mark.at for moment in run.stack.ledger.hung_up]
        run.facts.append(f"the step was left after {left[0]:.0f} s" if left else "")
        run.expect(left and left[0] <= 60, f"the step was not stopped in time: {left}")
        gate.is_silent = False
        run.finish()


@fault(
    "F17",
    "the database takes no writes (`default_transaction_read_only`)",
    expected="the API says 503, nothing is half written, goes on by itself",
)
def database_read_only(run: Run) -> None:
    seconds = run.pick(short=15, full=60)
    load = load_for(run, seconds)
    with _read_only(run):
        seen = len(run.stack.client.answers)
        load.trickle(10, seconds / 2, rest=0.5)
        time.sleep(seconds)
        answers = run.stack.client.answers[seen:]
    run.recovers(run.mark(), goal_s=20)
    check_answers(run, answers)


@contextlib.contextmanager
def _read_only(run: Run) -> Iterator[None]:
    # What the sessions have, too: they set it themselves when a transaction begins.
    alter = f"ALTER ROLE {APP_ROLE} SET default_transaction_read_only = on"
    run.stack.rows(alter)
    run.stack.rows("ALTER SYSTEM SET default_transaction_read_only = on")
    run.stack.rows("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        # This session is read-only as well, but for what it says of itself.
        run.stack.rows("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        run.stack.rows("SET default_transaction_read_only = off")
        run.stack.rows(f"ALTER ROLE {APP_ROLE} RESET default_transaction_read_only")
        run.stack.rows("ALTER SYSTEM RESET default_transaction_read_only")
        run.stack.rows("SELECT pg_reload_conf()")


@fault(
    "F18",
    "no connection to the database is left, and those there were are cut",
    expected="health says down; no process ends; goes on by itself",
)
def connections_exhausted(run: Run) -> None:
    seconds = run.pick(short=15, full=60)
    load_for(run, seconds)
    before = {name: p.pid for name, p in run.stack.programs.items()}
    with contextlib.ExitStack() as held:
        for _ in range(2):  # what was cut comes back faster than we take it
            _take_connections(run, held)
            run.stack.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = %s AND application_name LIKE 'rpa %%'",
                [APP_ROLE],
            )
            _take_connections(run, held)
        health = run.stack.client.health()
        time.sleep(seconds)
    state = health["status"] if health else "no answer"
    run.facts.append(f"health said {state}")
    run.expect(state != "ok", "health saw nothing")
    run.recovers(run.mark(), goal_s=30)
    after = {name: p.pid for name, p in run.stack.programs.items()}
    run.expect(before == after, "a process ended")


def _take_connections(run: Run, held: contextlib.ExitStack) -> None:
    """All that an ordinary role can get."""
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            connection = psycopg.connect(run.stack.urls.app, connect_timeout=5)
            held.callback(connection.close)


@fault(
    "F19",
    "the table of executions locked for 30 s",
    expected="leases outlive the lock, or who lost one changes nothing",
)
def table_locked(run: Run) -> None:
    load_for(run, 20)
    with psycopg.connect(run.stack.superuser_url) as connection:
        connection.execute("LOCK executions_execution IN ACCESS EXCLUSIVE MODE")
        time.sleep(run.pick(short=15, full=30))
        connection.rollback()
    run.recovers(run.mark(), goal_s=20)


@fault(
    "F26",
    "the database's clock one hour ahead (all its times moved back by an hour)",
    expected="leases lapse once and are fenced; nothing runs twice",
)
def clock_stepped(run: Run) -> None:
    load = load_for(run, 25)
    victims = run.running(load)
    mark = run.mark(victims)
    # Every decision compares with the clock, so moving the times moves the clock.
    run.stack.rows(
        "UPDATE executions_execution SET lease_until = lease_until - interval '1 h',"
        " due_at = due_at - interval '1 h', rung_at = rung_at - interval '1 h',"
        " queued_at = queued_at - interval '1 h',"
        " order_at = order_at - interval '1 h' WHERE finished_at IS NULL"
    )
    run.recovers(mark, goal_s=30)
    run.finish()
    most = run.stack.rows(
        "SELECT max(lease_token) FROM executions_execution WHERE id = ANY(%s::uuid[])",
        [load.ids],
    )[0][0]
    run.expect(most <= 2, f"an execution was claimed {most} times")


@fault(
    "F40",
    "database restored from a copy of some minutes ago, Redis left as it is",
    expected="what the copy has runs again or says that it is unknown",
)
def database_restored(run: Run) -> None:
    ledger = run.stack.ledger
    load = run.load_of({KEYED: steady(ledger)})
    load.submit(200, rest=1.5)
    run.under_way(load)
    copy = run.stack.directory / "copy.dump"
    _run_tool("pg_dump", "-Fc", "-f", str(copy), run.stack.superuser_url)
    time.sleep(run.pick(short=10, full=30))
    run.facts.append(f"{ended_since(run, load, 3600)} had ended when it was restored")
    for program in run.stack.programs.values():
        program.is_wanted = False
        program.kill()
    server = run.stack.postgres.url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER rpa_owner")
    _run_tool("pg_restore", "-d", url_for(server, DATABASE), str(copy))
    for program in run.stack.programs.values():
        program.start()
    run.stack.wait_ready()
    run.recovers(run.mark(), goal_s=20)


def _run_tool(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(bin_dir() / name), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-500:]}")


@fault(
    "F44",
    "`kill -9` of everything, PostgreSQL and Redis too, and a new start",
    expected="goes on by itself, nothing lost or doubled",
    quick=True,
)
def power_cut(run: Run) -> None:
    load = load_for(run, 15)
    time.sleep(2)
    victims = run.running(load)
    programs = list(run.stack.programs.values())
    threads = [threading.Thread(target=program.kill) for program in programs]
    for program in programs:
        program.is_wanted = False
    for thread in threads:
        thread.start()
    for server in (run.stack.postgres, run.stack.redis):
        server_signal(server, signal.SIGKILL)
        server.stop()  # takes leave of it
    for thread in threads:
        thread.join()
    run.stack.redis.start()
    run.stack.postgres.start()
    mark = run.mark(victims)
    for program in programs:
        program.start()
    run.recovers(mark, goal_s=30)
    run.stack.wait_ready()
