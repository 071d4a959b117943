"""Rules 5 and 12: what is committed when, and what a blip of the database does."""

import json
import threading

import pytest
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper

from apps.core.errors import PermanentFailure
from apps.core.trips import one_trip
from apps.executions.engine import endings, rows
from apps.executions.engine import journal as journals
from apps.executions.engine.flusher import Flusher
from apps.executions.engine.masking import Masker
from apps.executions.engine.persistence import persistently
from tests.executions.engine.conftest import bad, nap, put, write
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def ended(held, path, **more):
    record = held.record(path, **more)
    record.end("completed", record.started_at)
    held.journal.end(record)
    return record


# --- record before write -------------------------------------------------------------


def test_rule_05_all_before_a_write_and_its_intent_are_committed_when_it_starts(
    engine, on_run, committed
):
    seen = []
    on_run("write_file", lambda ctx: seen.append(committed(ctx.execution_id)))
    steps = [put("a", 1), put("b", 2), write("w1"), put("c", 3), write("w2")]
    block = {"id": "all", "type": "loop", "times": 1, "steps": steps}
    assert engine.run({"steps": [block]}).status == "completed"
    first = ["all running", "all[0].a completed", "all[0].b completed"]
    assert seen == [
        [*first, "all[0].w1 running"],
        [*first, "all[0].w1 completed", "all[0].c completed", "all[0].w2 running"],
    ]


def commits_of(engine, monkeypatch, writes):
    """Commits of the main thread while it runs a workflow with so many writes."""
    found, main = [], threading.main_thread()

    def counted(commit):
        def count(*arguments, **named):
            if threading.current_thread() is main:
                found.append(1)
            return commit(*arguments, **named)

        return count

    steps = [step for n in range(writes) for step in (put(f"p{n}", n), write(f"w{n}"))]
    execution = engine.start({"steps": steps})
    with monkeypatch.context() as patched:
        patched.setattr(DatabaseWrapper, "_commit", counted(DatabaseWrapper._commit))
        for module in (rows, endings):
            patched.setattr(module, "one_trip", counted(one_trip))
        engine.run_started(execution.id)
    assert engine.now(execution).status == "completed"
    return len(found)


def test_a_write_costs_at_most_one_commit(engine, monkeypatch):
    commits_of(engine, monkeypatch, 1)
    few, many = (commits_of(engine, monkeypatch, n) for n in (2, 12))
    assert many - few <= 10 + 1  # one poll of the status more or less


def test_cheap_steps_can_be_watched_while_a_later_one_runs(engine, on_run, committed):
    def look(ctx):
        expected = ["a completed", "b completed", "slow running"]
        wait_for(lambda: committed(ctx.execution_id) == expected, within=20)

    on_run("parse_json", look)
    slow = {"id": "slow", "type": "parse_json", "params": {"text": "1"}}
    assert engine.run({"steps": [put("a", 1), put("b", 2), slow]}).status == "completed"


def test_a_flusher_commits_what_waits_and_only_while_it_watches(claim):
    held, flusher = claim(), Flusher(0.01)
    flusher.watch(held.journal)
    ended(held, "a")
    wait_for(lambda: held.paths() == ["a completed"], within=20)
    flusher.release()
    ended(held, "b")
    flusher.stop()
    assert held.paths() == ["a completed"]


def test_a_flusher_outlives_a_journal_whose_lease_was_lost(claim):
    lost, held, flusher = claim(), claim(), Flusher(0.01)
    object.__setattr__(lost.lease, "token", 99)
    ended(lost, "zombie")
    flusher.watch(lost.journal)
    flusher.release()
    flusher.watch(held.journal)
    ended(held, "a")
    wait_for(lambda: held.paths() == ["a completed"], within=20)
    flusher.stop()
    assert lost.paths() == []


# --- rows ---------------------------------------------------------------------------


def test_a_step_that_has_begun_is_written_with_the_next_flush(claim):
    held = claim()
    held.journal.begin(held.record("block"))
    ended(held, "inner")
    held.journal.flush()
    assert held.paths() == ["block running", "inner completed"]


def test_an_attempt_is_one_row_whatever_becomes_of_it(claim):
    held = claim()
    record = held.record("a")
    held.journal.intend(record)
    record.status, record.state = "waiting", {"reason": "x"}
    held.journal.end(record)
    held.journal.flush()
    record.end("completed", record.started_at)
    held.journal.end(record)
    held.journal.flush()
    assert held.paths() == ["a completed"]


def test_outputs_keep_the_order_of_their_keys_and_their_numbers(claim):
    held = claim()
    value = {"zeta": 1, "a": {"yy": 1.0, "b": -0.0}, "big": 1e22}
    text = json.dumps(value)
    ended(held, "a", output=value, output_json=text, variables_json=text)
    held.journal.flush()
    (row,) = held.engine.records(held.execution)
    assert json.dumps(row.output) == text
    assert json.dumps(row.variables) == text


def test_what_postgres_cannot_store_never_blocks_a_flush(claim):
    held = claim()
    nasty = "a\0b\ud800c"
    ended(
        held,
        "a",
        error={"message": nasty, "n": float("nan")},
        warnings=[nasty],
        state={"data": {nasty: [nasty]}},
    )
    held.journal.flush()
    (row,) = held.engine.records(held.execution)
    assert row.error == {"message": "a�b�c", "n": None}
    assert row.warnings == ["a�b�c"]


def test_many_large_rows_are_written_in_pieces(claim, monkeypatch):
    from apps.executions.engine import rows

    monkeypatch.setattr(rows, "_CHUNK", 1_000)
    held = claim()
    for n in range(30):
        ended(held, f"s{n}", output_json=json.dumps("x" * 500))
    held.journal.flush()
    assert len(held.paths()) == 30


def test_what_waits_in_memory_is_bounded(claim, monkeypatch):
    monkeypatch.setattr(journals, "MOST_WAITING", 2_000)
    held = claim()
    for n in range(40):
        ended(held, f"s{n}")
    assert len(held.paths()) > 25


def test_the_limit_of_records_leaves_room_to_handle_it_once(claim):
    held = claim()
    for _ in range(1_000):
        held.journal.next_position()
    with pytest.raises(PermanentFailure, match="1,000 step records"):
        held.journal.next_position()
    assert held.journal.next_position() == 1_000


# --- blips of the database -----------------------------------------------------------


def test_a_flush_survives_the_end_of_its_connection(claim, cut_connections):
    held = claim()
    ended(held, "a")
    assert cut_connections() >= 1
    held.journal.flush()
    assert held.paths() == ["a completed"]


def unacknowledged(monkeypatch, times=1):
    """The next commits take place, but their connection breaks before they say so."""
    left = [times]

    def cut(*statements, **scope):
        found = one_trip(*statements, **scope)
        if left[0] and threading.current_thread() is threading.main_thread():
            left[0] -= 1
            connection.connection.close()
            raise OperationalError("server closed the connection unexpectedly")
        return found

    for module in (rows, endings):
        monkeypatch.setattr(module, "one_trip", cut)


def test_a_flush_whose_commit_was_not_acknowledged_is_done_once(claim, monkeypatch):
    held = claim()
    ended(held, "a")
    unacknowledged(monkeypatch)
    held.journal.flush()
    assert held.paths() == ["a completed"]


def test_a_success_stays_one_when_its_last_commit_is_not_acknowledged(
    engine, on_run, monkeypatch
):
    on_run("parse_json", lambda ctx: unacknowledged(monkeypatch))
    last = {"id": "last", "type": "parse_json", "params": {"text": "1"}}
    done = engine.run({"steps": [put("a", 1), last]})
    assert (done.status, done.outputs) == ("completed", {"a": 1, "last": 1})
    assert (done.deliveries, done.lease_token) == (1, 1)


def test_a_success_stays_one_when_the_database_restarts_at_its_end(
    engine, on_run, cut_connections
):
    on_run("parse_json", lambda ctx: cut_connections())
    last = {"id": "last", "type": "parse_json", "params": {"text": "1"}}
    done = engine.run({"steps": [put("a", 1), last]})
    assert (done.status, done.deliveries) == ("completed", 1)


def test_connections_that_end_in_every_step_lose_and_repeat_nothing(
    engine, on_run, cut_connections
):
    ran = []

    def look(ctx):
        ran.append(ctx.path)
        cut_connections()

    on_run("write_file", look)
    done = engine.run({"steps": [write(f"w{n}") for n in range(5)]})
    assert (done.status, ran) == ("completed", [f"w{n}" for n in range(5)])


def test_patience_ends(monkeypatch):
    def work():
        raise OperationalError("gone")

    with pytest.raises(OperationalError):
        persistently(work, patience_s=0.2)


def test_other_faults_are_not_repeated():
    calls = []

    def work():
        calls.append(1)
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        persistently(work)
    assert calls == [1]


def test_a_failure_is_recorded_with_its_attempts(engine):
    done = engine.run({"steps": [bad("no", retry={"max_attempts": 3})]})
    rows = engine.records(done)
    assert [(row.attempt, row.status, row.is_final) for row in rows] == [
        (1, "failed", False),
        (2, "failed", False),
        (3, "failed", True),
    ]


def test_a_waiting_execution_shows_the_blocks_around_the_step_that_waits(engine, child):
    block = {"id": "all", "type": "try", "steps": [nap("long", 3600)], "finally": []}
    execution = engine.start({"steps": [block]})
    assert child.run(execution)
    assert engine.paths(execution) == ["all running", "long waiting"]
    assert engine.now(execution).status == "waiting"


@pytest.mark.parametrize("status", ["completed", "running", "failed"])
def test_rule_07_a_page_step_is_done_again_on_the_page_it_came_upon(claim, status):
    held = claim()
    made = {"effect": "page", "status": "completed"}
    first = held.record("first", **made, state={"browser": {"url": "one"}})
    upon = held.record("upon", **made, state={"browser": {"url": "two"}})
    after = held.record("after", **made)
    upon.status = status
    limits = journals.Limits(max_records=9, inline_bytes=9)
    known = [first, upon, after]
    journal = journals.Journal(
        held.lease, masker=Masker({}, ""), limits=limits, known=known
    )
    assert journal.checkpoint() == {"url": "two"}
    assert [journal.must_redo(one) for one in known] == [
        *(False, status == "completed", True)
    ]


def test_rule_07_what_a_page_has_gone_on_from_may_be_past(claim):
    held = claim()
    made = {"effect": "page", "status": "completed"}
    changed = {"browser": {"url": "two"}, "page": "past"}
    looked = {"browser": {"url": "three"}, "page": "same"}
    known = [
        held.record("open", effect="read", state={"browser": {"url": "one"}}),
        held.record("user", **made),
        held.record("sign-in", effect="write", state=changed),
        held.record("note", **made),
        held.record("tab", effect="read", state=looked),
    ]
    for record in known:
        record.status = "completed"
    limits = journals.Limits(max_records=9, inline_bytes=9)
    journal = journals.Journal(
        held.lease, masker=Masker({}, ""), limits=limits, known=known
    )
    assert journal.checkpoint() == {"url": "three"}
    assert [one.path for one in known if journal.must_redo(one)] == ["user", "note"]
    assert [one.path for one in known if journal.may_be_past(one)] == ["user"]
