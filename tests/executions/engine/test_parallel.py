"""Branches run side by side, end together, and merge in their order."""

import threading

import pytest

from apps.executions.models import Execution, StepRecord
from tests.executions.engine.conftest import bad, nap, put, write

pytestmark = pytest.mark.django_db(transaction=True)


def both(x, y, **more):
    branches = [{"name": "x", "steps": x}, {"name": "y", "steps": y}]
    return {"id": "both", "type": "parallel", "branches": branches, **more}


def same(step_id, value):
    params = {"name": "who", "value": value}
    return {"id": step_id, "type": "set_variable", "params": params}


def test_branches_run_at_the_same_time(engine, on_run):
    gate = threading.Barrier(2)
    on_run("write_file", lambda ctx: gate.wait(20))
    done = engine.run({"steps": [both([write("wx")], [write("wy")])]})
    assert done.status == "completed"


def test_variables_are_merged_in_the_order_of_the_branches(engine):
    slow_first = [nap("late", 0.3), same("x_who", "x")]
    steps = [same("who", "before"), both(slow_first, [same("y_who", "y")])]
    done = engine.run({"steps": steps})
    assert done.variables == {"who": "y"}
    assert done.outputs["both"] == {"x": "x", "y": "y"}


def test_a_branch_sees_what_was_before_and_nothing_of_the_other(engine):
    x = [put("seen", "{{ variables.who }}"), same("x_who", "x")]
    y = [nap("late", 0.2), put("seen_too", "{{ variables.who }}")]
    done = engine.run({"steps": [same("who", "before"), both(x, y)]})
    assert (done.outputs["seen"], done.outputs["seen_too"]) == ("before", "before")


def test_loops_in_branches_know_the_names_of_the_loop_around(engine):
    inner = {
        "id": "in",
        "type": "loop",
        "times": 2,
        "as": "n",
        "steps": [put("pair", "{{ row }}{{ n }}{{ loop.index }}")],
    }
    outer = {"id": "out", "type": "loop", "over": ["a", "b"], "as": "row"}
    done = engine.run({"steps": [outer | {"steps": [both([inner], [put("q", 1)])]}]})
    assert done.status == "completed", done.error
    assert engine.output(done, "out[1].in[1].pair") == "b11"


def test_a_failure_waits_for_the_other_branches_and_then_fails_the_block(engine):
    y = [nap("late", 0.2), put("after", 1)]
    done = engine.run({"steps": [both([bad("no")], y), put("never", 1)]})
    assert (done.status, done.error["path"]) == ("failed", "no")
    assert "after completed" in engine.paths(done)


def test_a_failure_of_a_branch_can_be_caught(engine):
    block = {"id": "t", "type": "try", "steps": [both([bad("no")], [put("y", 1)])]}
    done = engine.run({"steps": [block | {"catch": [put("c", "{{ error.path }}")]}]})
    assert (done.status, done.outputs["c"]) == ("completed", "no")


def test_a_stop_in_a_branch_ends_the_execution_after_the_others(engine):
    stop = {"id": "end", "type": "stop", "params": {"message": "enough"}}
    done = engine.run({"steps": [both([stop], [put("y", 1)]), put("never", 1)]})
    assert (done.status, done.reason) == ("completed", "enough")
    assert "y completed" in engine.paths(done)
    assert "never" not in done.outputs


def make_due(engine, execution, path):
    with engine.scope():
        rows = StepRecord.objects.filter(execution_id=execution.id, path=path)
        state = rows.get().state
        rows.update(state={**state, "due_at": state["parked_at"]})
        Execution.objects.filter(id=execution.id).update(status="queued", due_at=None)


def test_branches_that_wait_hold_no_worker_and_go_on_one_by_one(engine, child):
    x = [put("x1", 1), nap("wait_x", 3600), put("x2", 2)]
    y = [nap("wait_y", 7200), put("y2", 2)]
    execution = engine.start({"steps": [both(x, y)]})
    child.run(execution)
    parked = engine.now(execution)
    records = {row.path: row for row in engine.records(execution)}
    assert parked.status == "waiting"
    assert parked.due_at.isoformat() == records["wait_x"].state["due_at"]
    make_due(engine, execution, "wait_x")
    child.run(execution)
    assert "x2 completed" in engine.paths(execution)
    assert engine.now(execution).status == "waiting"
    make_due(engine, execution, "wait_y")
    child.run(execution)
    assert engine.now(execution).status == "completed"
    assert engine.now(execution).outputs["both"] == {"x": 2, "y": 2}


def test_what_a_failed_branch_left_waiting_is_closed_at_the_end(engine):
    block = both([bad("no")], [nap("wait", 3600)], on_error="continue")
    done = engine.run({"steps": [block]})
    assert done.status == "completed"
    assert "wait cancelled" in engine.paths(done)


def test_branches_write_each_under_its_own_path(engine, on_run):
    seen = []
    on_run("write_file", lambda ctx: seen.append((ctx.path, ctx.tools.path)))
    loop = {"type": "loop", "times": 20}
    x = [loop | {"id": "lx", "steps": [write("wx")]}]
    y = [loop | {"id": "ly", "steps": [write("wy")]}]
    assert engine.run({"steps": [both(x, y)]}).status == "completed"
    assert len(seen) == 40
    assert all(path == tools_path for path, tools_path in seen)


def test_parallel_in_parallel(engine):
    inner = both([put("ix", 1)], [put("iy", 2)]) | {"id": "inner"}
    done = engine.run({"steps": [both([inner], [put("y", 3)])]})
    assert done.outputs["both"] == {"x": {"x": 1, "y": 2}, "y": 3}


def test_no_connection_is_left_behind_by_a_branch(engine):
    from tests.executions.engine.conftest import owner_connection

    def count():
        with owner_connection() as connection:
            return connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database()"
            ).fetchone()[0]

    document = {"steps": [both([write("wx")], [write("wy")])]}
    engine.run(document)
    before = count()
    for _ in range(5):
        assert engine.run(document).status == "completed"
    assert count() <= before + 1
