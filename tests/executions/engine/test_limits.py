"""Rule 12: everything is bounded, and every breach is a clear error."""

import pytest

from apps.executions.models import StepRecord
from tests.executions.engine.conftest import bad, put

pytestmark = pytest.mark.django_db(transaction=True)

CATCH = {"on_failure": [put("told", "{{ error.code }}")]}


def test_a_loop_may_run_so_often_and_not_once_more(engine, settings):
    settings.LOOP_MAX_ITERATIONS = 50
    loop = {"id": "l", "type": "loop", "steps": [put("n", 1)]}
    assert engine.run({"steps": [loop | {"times": 50}]}).status == "completed"
    for kind in ({"times": 51}, {"over": list(range(51))}, {"while": "true"}):
        done = engine.run({"steps": [loop | kind]} | CATCH)
        assert (done.status, done.error["code"]) == ("failed", "loop_limit")
        assert done.outputs["told"] == "loop_limit"


def test_so_many_step_records_and_handlers_still_run(engine, settings):
    settings.EXECUTION_MAX_RECORDS = 30
    loop = {"id": "l", "type": "loop", "times": 100, "steps": [put("n", 1)]}
    done = engine.run({"steps": [loop], "finally": [put("tidy", 1)]} | CATCH)
    assert (done.status, done.error["code"]) == ("failed", "too_many_steps")
    assert (done.outputs["told"], done.outputs["tidy"]) == ("too_many_steps", 1)
    assert len(engine.records(done)) == 32


def test_too_many_steps_outside_of_any_block_are_refused_as_well(engine, settings):
    settings.EXECUTION_MAX_RECORDS = 3
    done = engine.run({"steps": [put(f"s{n}", n) for n in range(5)]} | CATCH)
    assert (done.status, done.error["code"]) == ("failed", "too_many_steps")
    assert done.outputs["told"] == "too_many_steps"


def raw(done, path):
    return StepRecord.objects.filter(execution_id=done.id, path=path).get()


def test_a_small_output_stands_in_its_row_and_a_large_one_beside_it(engine, settings):
    settings.STEP_OUTPUT_INLINE_BYTES = 1_000
    done = engine.run({"steps": [put("small", "s" * 900), put("large", "l" * 1_100)]})
    with engine.scope():
        small, large = raw(done, "small"), raw(done, "large")
    assert (small.output, small.output_packed) == ("s" * 900, None)
    assert large.output is None
    assert len(large.output_packed) < 100


def test_a_large_output_is_whole_for_what_comes_after_a_crash(engine, child, settings):
    settings.STEP_OUTPUT_INLINE_BYTES = 1_000
    wait = {"id": "wait", "type": "delay", "params": {"seconds": 3600}}
    steps = [
        put("large", "l" * 5_000),
        wait,
        put("n", "{{ variables.large | length }}"),
    ]
    execution = engine.start({"steps": steps})
    child.run(execution)
    with engine.scope():
        rows = StepRecord.objects.filter(execution_id=execution.id, path="wait")
        state = rows.get().state
        rows.update(state={**state, "due_at": state["parked_at"]})
        type(execution).objects.filter(id=execution.id).update(status="queued")
    child.run(execution)
    with engine.scope():
        type(execution).objects.filter(id=execution.id).update(due_at=None)
    child.run(execution)
    assert engine.output(execution, "n") == 5_000


def test_rule_12_an_output_that_is_too_large_fails_its_step_and_says_what_to_do(
    engine, settings
):
    settings.STEP_OUTPUT_MAX_BYTES = 2_000
    done = engine.run({"steps": [put("huge", "h" * 3_000)]})
    assert (done.status, done.error["code"]) == ("failed", "output_too_large")
    assert "write_file" in done.error["message"]


def test_results_that_are_too_large_together_do_not_fail_what_is_done(engine, settings):
    settings.STEP_OUTPUT_MAX_BYTES = 2_000
    done = engine.run({"steps": [put(f"s{n}", "x" * 900) for n in range(4)]})
    assert done.status == "completed"
    assert done.outputs["s0"] == "x" * 900
    assert done.outputs["s3"] == {"left_out": True, "bytes": 902}
    assert engine.output(done, "s3") == "x" * 900


def test_what_postgres_cannot_store_is_replaced_everywhere(engine):
    # The document itself may hold none of it, what a page or a file says may.
    nasty = '"a\\u0000b\\ud800c"'
    steps = [
        {"id": "read", "type": "parse_json", "params": {"text": nasty}},
        {
            "id": "end",
            "type": "stop",
            "params": {"status": "failed", "message": "{{ steps.read.output }}"},
        },
    ]
    done = engine.run({"steps": steps})
    assert done.status == "failed"
    if engine.records(done)[0].status == "completed":
        assert engine.output(done, "read") == "a�b�c"
        assert done.reason == "a�b�c"


def test_an_error_with_odd_characters_is_recorded(engine, on_run):
    def fail(ctx):
        raise ValueError("odd \0 \ud800 text")

    on_run("parse_json", fail)
    done = engine.run({"steps": [bad("no")]})
    assert (done.status, done.error["code"]) == ("failed", "internal_error")
    assert "odd � � text" in done.error["message"]
    assert engine.paths(done) == ["no failed"]


def test_a_crash_of_a_step_is_not_tried_again_and_is_said_to_be_ours(engine, on_run):
    def fail(ctx):
        raise KeyError("ours")

    on_run("parse_json", fail)
    done = engine.run({"steps": [bad("no", retry={"max_attempts": 5})]})
    assert (done.error["kind"], len(engine.records(done))) == ("platform", 1)
