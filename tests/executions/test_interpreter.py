"""The interpreter: what runs next, given a definition and what is recorded."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from apps.executions.engine.records import Record
from apps.steps.signals import Park
from tests.executions.driving import STARTED, make_walk, walk


def put(step_id: str, value: Any, **more: Any) -> dict[str, Any]:
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params, **more}


NESTED = {
    "variables": {"total": 0},
    "steps": [
        put("first", "{{ now() }}"),
        {
            "id": "rows",
            "type": "loop",
            "over": [1, 2, 3],
            "as": "row",
            "steps": [
                {
                    "id": "cols",
                    "type": "loop",
                    "times": 2,
                    "as": "col",
                    "steps": [
                        {
                            "id": "add",
                            "type": "set_variable",
                            "params": {
                                "name": "total",
                                "value": "{{ variables.total + row * 10 + col }}",
                            },
                        },
                        put("mark", "{{ uuid() }}"),
                    ],
                },
                {
                    "id": "is_even",
                    "type": "condition",
                    "if": "row % 2 == 0",
                    "then": [put("even", "{{ row }}")],
                    "else": [put("odd", "{{ row }}")],
                },
            ],
        },
        put("last", "{{ variables.total }} {{ steps.mark.output }} {{ now() }}"),
    ],
}


def test_runs_steps_in_order_and_hands_on_values():
    done = walk({"steps": [put("a", 1), put("b", "{{ steps.a.output + 1 }}")]})
    assert done.outputs == {"a": 1, "b": 2}
    assert done.journal.paths() == ["a completed", "b completed"]


def test_names_each_iteration_in_the_path():
    done = walk(NESTED)
    assert "rows[1].cols[0].add completed" in done.journal.paths()
    assert "rows[1].even completed" in done.journal.paths()
    assert done.outputs["rows"][1] == 2


def _settled(done: Any) -> list[Record]:
    return [copy.deepcopy(record) for record in done.journal.records.values()]


@pytest.mark.parametrize("stop", range(24))
def test_a_walk_that_was_cut_anywhere_ends_with_the_same_values(stop: int) -> None:
    ran = walk(NESTED).performer.ran
    cut = make_walk(NESTED, crash_at=ran[stop % len(ran)])
    with pytest.raises(KeyboardInterrupt):
        cut.interpreter.run()
    resumed = walk(NESTED, known=_settled(cut))
    again = set(resumed.performer.ran) & set(cut.performer.ran)
    assert again == {cut.performer.crash_at}
    cut.journal.records.update(resumed.journal.records)
    whole = walk(NESTED, known=_settled(cut))
    assert whole.performer.ran == []
    assert whole.strand.values == resumed.strand.values
    assert whole.outputs == resumed.outputs


def test_a_failed_step_ends_the_execution_and_names_its_path():
    stop = {"id": "no", "type": "parse_json", "params": {"text": "{"}}
    done = walk({"steps": [put("a", 1), stop, put("b", 2)]})
    assert done.outcome is not None
    assert (done.outcome.status, done.outcome.error["path"]) == ("failed", "no")
    assert "b" not in done.outputs


def test_on_error_continue_goes_on_with_no_output():
    bad = {"type": "parse_json", "params": {"text": "{"}, "on_error": "continue"}
    done = walk({"steps": [{"id": "no", **bad}, put("b", 2)]})
    assert done.outcome.status == "completed"
    assert done.outputs == {"no": None, "b": 2}


def test_a_false_guard_skips_the_step():
    steps = [put("a", 1, **{"if": "{{ false }}"}), put("b", 2, disabled=True)]
    done = walk({"steps": steps})
    assert done.journal.paths() == ["a skipped", "b skipped"]


def test_try_catches_what_failed_inside():
    block = {
        "id": "safe",
        "type": "try",
        "steps": [{"id": "no", "type": "parse_json", "params": {"text": "{"}}],
        "catch": [put("seen", "{{ error.path }}")],
        "finally": [put("tidy", True)],
    }
    done = walk({"steps": [block]})
    assert done.outcome.status == "completed"
    assert (done.outputs["seen"], done.outputs["tidy"]) == ("no", True)


def test_failed_attempts_are_kept_and_tried_again():
    step = {
        "id": "no",
        "type": "parse_json",
        "params": {"text": "{"},
        "retry": {"max_attempts": 3, "delay": 1, "backoff": 2},
    }
    done = walk({"steps": [step]})
    attempts = [record.attempt for record in done.journal.records.values()]
    assert attempts == [1, 2, 3]
    assert [round(pause.total_seconds()) for pause in done.performer.paused] == [1, 2]


def test_a_long_pause_before_a_retry_parks_and_goes_on():
    retry = {"max_attempts": 2, "delay": "1m"}
    step = {"id": "no", "type": "parse_json", "params": {"text": "{"}, "retry": retry}
    first = make_walk({"steps": [step]})
    with pytest.raises(Park, match="retry"):
        first.interpreter.run()
    later = walk({"steps": [step]}, known=_settled(first), ahead=timedelta(seconds=61))
    assert later.journal.paths() == ["no failed"]
    assert later.outcome.status == "failed"


def test_a_long_delay_parks_once_and_completes_when_it_is_due():
    steps = [put("a", 1), {"id": "wait", "type": "delay", "params": {"seconds": 60}}]
    first = make_walk({"steps": steps})
    with pytest.raises(Park):
        first.interpreter.run()
    early = make_walk({"steps": steps}, known=_settled(first))
    with pytest.raises(Park):
        early.interpreter.run()
    assert early.performer.ran == []
    known = _settled(first)
    done = walk({"steps": steps}, known=known, ahead=timedelta(seconds=61))
    assert done.outcome.status == "completed"
    assert done.performer.ran == ["wait"]


def test_on_failure_and_finally_run_after_a_failure():
    done = walk(
        {
            "steps": [{"id": "no", "type": "parse_json", "params": {"text": "{"}}],
            "on_failure": [put("told", "{{ error.code }}")],
            "finally": [put("tidy", 1)],
        }
    )
    assert done.outcome.status == "failed"
    assert done.outputs["tidy"] == 1
    assert done.outputs["told"]


def test_stop_ends_the_execution_with_its_status():
    stop = {"type": "stop", "params": {"status": "failed", "message": "enough"}}
    done = walk({"steps": [stop, put("b", 1)]})
    assert (done.outcome.status, done.outcome.reason) == ("failed", "enough")


def test_parallel_merges_variables_in_the_order_of_the_branches():
    def branch(name: str, value: int) -> dict[str, Any]:
        params = {"name": "who", "value": value}
        step = {"id": f"set_{name}", "type": "set_variable", "params": params}
        return {"name": name, "steps": [step]}

    block = {"id": "both", "type": "parallel"}
    block["branches"] = [branch("a", 1), branch("b", 2)]
    done = walk({"steps": [block]})
    assert done.outputs["both"] == {"a": 1, "b": 2}
    assert done.strand.values["who"] == 2


def test_a_write_step_that_was_cut_follows_on_crash():
    def cut(on_crash: str) -> Any:
        step = {
            "id": "mail",
            "type": "send_email",
            "params": {"to": "a@b.example", "subject": "s", "text": "t"},
            "on_crash": on_crash,
        }
        record = Record("mail", "mail", "send_email", 0, STARTED, effect="write")
        return walk({"steps": [step, put("b", 1)]}, known=[record])

    assert cut("skip").journal.paths() == ["mail unknown", "b completed"]
    failed = cut("fail")
    assert failed.outcome.error["code"] == "unknown_outcome"
    assert failed.performer.ran == []
