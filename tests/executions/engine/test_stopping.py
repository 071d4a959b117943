"""Rule 10: cancels and time limits reach a step, and end what they should."""

import time
from datetime import timedelta

import pytest

from apps.executions import cancels
from apps.executions.engine import performer
from apps.executions.engine.slots import Order
from apps.executions.models import Execution, StepRecord
from tests.executions.engine.conftest import bad, nap, put, write
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cancelled_while(engine, meanwhile):
    """Runs a document and cancels it as soon as a path has a status."""

    def run(document, path_status):
        execution = engine.start(document)

        def cancel():
            wait_for(lambda: path_status in engine.paths(execution))
            with engine.scope():
                cancels.execution_cancel(
                    execution=Execution.objects.get(id=execution.id), by=engine.viewer
                )

        meanwhile(cancel)
        return engine.run_started(execution.id)

    return run


# --- cancel -------------------------------------------------------------------------


def test_a_cancel_ends_a_blocked_step_and_nothing_runs_after_it(
    engine, cancelled_while
):
    steps = [put("a", 1), nap("long"), put("never", 1)]
    handlers = {"on_failure": [put("told", 1)], "finally": [put("tidy", 1)]}
    done = cancelled_while({"steps": steps} | handlers, "long running")
    assert (done.status, done.reason, done.error) == ("cancelled", "cancelled", None)
    assert engine.paths(done) == ["a completed", "long cancelled"]


def test_a_cancel_reaches_the_branches_of_parallel(engine, cancelled_while):
    branches = [
        {"name": "x", "steps": [nap("long_x"), put("never_x", 1)]},
        {"name": "y", "steps": [nap("long_y"), put("never_y", 1)]},
    ]
    block = {"id": "both", "type": "parallel", "branches": branches}
    done = cancelled_while({"steps": [block]}, "long_y running")
    assert done.status == "cancelled"
    assert sorted(engine.paths(done)) == [
        "both cancelled",
        "long_x cancelled",
        "long_y cancelled",
    ]


def test_a_cancel_reaches_a_loop_that_only_asks_conditions(engine, cancelled_while):
    slow = "{{ range(10000) | join(',') | length > 0 }}"
    loop = {"id": "busy", "type": "loop", "while": slow, "steps": []}
    assert cancelled_while({"steps": [loop]}, "busy running").status == "cancelled"


def test_a_cancel_reaches_the_pause_before_a_retry(engine, cancelled_while):
    step = bad("no", retry={"max_attempts": 9, "delay": "4s"})
    done = cancelled_while({"steps": [step]}, "no failed")
    assert done.status == "cancelled"


# --- the step's own limit -----------------------------------------------------------


def test_a_step_that_is_too_slow_fails_and_may_be_tried_again(engine):
    retry = {"max_attempts": 2, "on": ["timeout"]}
    step = nap("slow", timeout="50ms", retry=retry, on_error="continue")
    done = engine.run({"steps": [step, put("after", 1)]})
    assert done.status == "completed"
    rows = engine.records(done)
    assert [(row.path, row.attempt, row.status) for row in rows] == [
        ("slow", 1, "failed"),
        ("slow", 2, "failed"),
        ("after", 1, "completed"),
    ]
    assert rows[0].error["kind"] == rows[1].error["kind"] == "timeout"


def test_a_time_limit_reaches_the_expressions_of_a_step(engine):
    texts = ["{{ range(10000) | join(',') | length }}" for _ in range(3000)]
    step = put("slow", texts, timeout="200ms")
    done = engine.run({"steps": [step]})
    assert (done.status, done.error["code"]) == ("failed", "timeout")


def test_a_step_inside_of_a_branch_keeps_its_own_limit(engine):
    slow = nap("slow", timeout="100ms", on_error="continue")
    branches = [
        {"name": "x", "steps": [slow, put("x_after", 1)]},
        {"name": "y", "steps": [put("y", 2)]},
    ]
    done = engine.run(
        {"steps": [{"id": "both", "type": "parallel", "branches": branches}]}
    )
    assert (done.status, done.outputs["both"]) == ("completed", {"x": 1, "y": 2})
    assert "slow failed" in engine.paths(done)


# --- a block's limit ----------------------------------------------------------------


def timed_block(**more):
    inner = {"id": "safe", "type": "try", "steps": [nap("slow")], "catch": []}
    return {
        "id": "timed",
        "type": "loop",
        "times": 3,
        "timeout": "150ms",
        "steps": [inner, put("never", 1)],
        **more,
    }


def test_the_limit_of_a_block_passes_a_try_inside_of_it(engine):
    done = engine.run({"steps": [timed_block(on_error="continue"), put("after", 1)]})
    assert done.status == "completed"
    assert engine.paths(done) == [
        "timed failed",
        "timed[0].safe failed",
        "timed[0].slow failed",
        "after completed",
    ]
    errors = [row.error for row in engine.records(done)[:3]]
    assert {error["kind"] for error in errors} == {"timeout"}


def test_the_limit_of_a_block_is_found_again_by_a_replay(engine, child):
    """The step that it cut must not be taken for one that failed by itself."""
    catching = {
        "id": "outer",
        "type": "try",
        "steps": [timed_block()],
        "catch": [put("caught", 1), nap("wait", 3600)],
    }
    execution = engine.start({"steps": [catching]})
    child.run(execution)
    before = engine.paths(execution)
    assert before[-1] == "wait waiting"
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="queued", due_at=None)
    child.run(execution)
    assert engine.paths(execution) == before


def test_the_limit_of_a_block_ends_branches_and_pauses(engine):
    def block(inner):
        return {
            "id": "timed",
            "type": "try",
            "steps": [inner],
            "finally": [],
            "timeout": "200ms",
            "on_error": "continue",
        }

    branches = [{"name": "x", "steps": [nap("slow")]}]
    both = {"id": "both", "type": "parallel", "branches": branches}
    paused = bad("no", retry={"max_attempts": 3, "delay": "4s"})
    for inner in (both, paused):
        done = engine.run({"steps": [block(inner)]})
        row = engine.records(done)[0]
        assert (done.status, row.status, row.error["kind"]) == (
            "completed",
            "failed",
            "timeout",
        )


# --- the execution's limit ----------------------------------------------------------

HANDLERS = {
    "on_failure": [put("told", "{{ error.code }}")],
    "finally": [put("tidy", 1), nap("short", 0.1)],
}


@pytest.mark.parametrize(
    "step",
    [
        nap("slow"),
        {"id": "t", "type": "try", "steps": [nap("slow")], "catch": [put("no", 1)]},
        {
            "id": "both",
            "type": "parallel",
            "branches": [
                {"name": "x", "steps": [nap("slow_x")]},
                {"name": "y", "steps": [nap("slow_y")]},
            ],
        },
        bad("no", retry={"max_attempts": 3, "delay": "4s"}),
        {
            "id": "busy",
            "type": "loop",
            "while": "{{ range(10000) | join(',') | length > 0 }}",
            "steps": [],
        },
    ],
    ids=["a step", "a try", "branches", "a pause", "conditions"],
)
def test_an_execution_whose_time_is_over_fails_and_runs_its_handlers(engine, step):
    settings = {"timeout": "500ms"}
    document = {"settings": settings, "steps": [step, put("never", 1)], **HANDLERS}
    done = engine.run(document)
    assert (done.status, done.error["code"]) == ("failed", "timeout")
    assert (done.outputs["told"], done.outputs["tidy"]) == ("timeout", 1)
    assert engine.paths(done)[-3:] == [
        "told completed",
        "tidy completed",
        "short completed",
    ]
    assert done.deliveries == 1


def test_handlers_have_a_time_limit_too(engine, monkeypatch):
    monkeypatch.setattr(performer, "HANDLERS_GRACE", timedelta(seconds=0.6))
    document = {
        "settings": {"timeout": "300ms"},
        "steps": [nap("slow")],
        "on_failure": [nap("slow_too"), put("never", 1)],
        "finally": [put("too_late", 1)],
    }
    done = engine.run(document)
    assert (done.status, done.error["path"]) == ("failed", "slow")
    assert "never" not in done.outputs


def test_handlers_that_wait_go_on_after_the_wait(engine, child):
    document = {
        "settings": {"timeout": "300ms"},
        "steps": [nap("slow")],
        "on_failure": [nap("wait", 3600), put("told", 1), nap("short", 0.2)],
    }
    execution = engine.start(document)
    child.run(execution)
    assert engine.now(execution).status == "waiting"
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="queued", due_at=None)
        row = StepRecord.objects.get(execution_id=execution.id, path="wait")
        row.state["due_at"] = row.state["parked_at"]
        StepRecord.objects.filter(execution_id=execution.id, path="wait").update(
            state=row.state
        )
    child.run(execution)
    done = engine.now(execution)
    assert (done.status, done.error["code"]) == ("failed", "timeout")
    assert engine.paths(done)[-2:] == ["told completed", "short completed"]


def test_waiting_does_not_count_as_running(engine, child):
    document = {"settings": {"timeout": "5s"}, "steps": [nap("wait", 3600)]}
    execution = engine.start(document)
    child.run(execution)
    time.sleep(0.2)
    assert engine.now(execution).running_ms < 5_000


def test_what_was_done_while_the_lease_could_not_be_renewed_is_recorded(
    engine, child, on_run
):
    """The database was away longer than a lease; nobody else took the execution."""

    def lose(ctx):
        (occupant,) = child.table.occupants()
        child.supervisor._tell(occupant, Order.LOST)
        time.sleep(30)

    on_run("parse_json", lose)
    read = {"id": "read", "type": "parse_json", "params": {"text": "1"}}
    execution = engine.start({"steps": [write("w"), read]})
    child.run(execution)
    now = engine.now(execution)
    assert (now.status, now.deliveries) == ("queued", 0)
    assert engine.paths(execution)[0] == "w completed"


def test_a_write_that_a_cancel_cut_off_is_unknown(cancelled_while, engine, on_run):
    on_run("write_file", lambda ctx: time.sleep(30))
    done = cancelled_while({"steps": [write("w")]}, "w running")
    assert done.status == "cancelled"
    assert engine.paths(done) == ["w unknown"]
    assert engine.records(done)[0].error["code"] == "unknown_outcome"


def test_a_write_that_is_cut_by_a_limit_is_not_left_running(engine, on_run):
    on_run("write_file", lambda ctx: time.sleep(30))
    done = engine.run({"settings": {"timeout": "300ms"}, "steps": [write("w")]})
    assert engine.paths(done) == ["w failed"]
    assert done.error["code"] == "timeout"
