"""Running an ended execution again: what is reused, what is done anew."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.executions.engine import claims
from apps.executions.models import Execution, StepRecord
from apps.workflows.services import workflow_archive
from tests.executions.documents import broken, doc, put, write
from tests.executions.retrying import reads, reused
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

Retry = Callable[..., Any]


# --- from the failed step ---------------------------------------------------------


def test_goes_on_from_the_failed_step(
    engine: Engine, retry: Retry, rerun: Any, repair: Any
) -> None:
    done = engine.run(doc(write("w"), put("a", 1), reads("r"), put("z", 2)))
    repair("r")
    again = rerun(done)
    assert again.status == "completed"
    assert again.outputs["a"] == 1
    assert reused(engine, done, again) == {"w", "a"}
    assert (again.reused_steps, again.retry_of, again.trigger) == (2, done.id, "retry")


def test_says_where_the_new_execution_is(
    engine: Engine, retry: Retry, alice: Person
) -> None:
    done = engine.run(doc(put("a", 1), broken("b")))
    answer = retry(done)
    found = answer.json()
    assert (answer.status_code, found["status"]) == (202, "queued")
    assert answer["Location"] == f"/api/executions/{found['id']}"
    assert (found["retry_of"], found["reused_steps"]) == (str(done.id), 1)
    listed = alice.client.get(f"/api/executions?retry_of={done.id}").json()["results"]
    assert [row["id"] for row in listed] == [found["id"]]
    with engine.scope():
        entry = AuditEntry.objects.get(action="execution.retry")
    assert entry.after is not None
    assert (entry.after["retry_of"], entry.after["from"]) == (str(done.id), "failed")


def test_nothing_of_the_failed_step_is_reused(
    engine: Engine, rerun: Any, repair: Any
) -> None:
    done = engine.run(doc(reads("r", retry={"max_attempts": 3, "delay": 0})))
    again = rerun(done)
    assert again.reused_steps == 0
    assert engine.paths(again) == ["r failed"] * 3


def test_goes_on_inside_nested_loops(engine: Engine, rerun: Any, repair: Any) -> None:
    body = [write("w", path="{{ row }}-{{ cell }}.txt"), reads("r", **{"if": _AT_2_B})]
    inner = {"id": "cells", "type": "loop", "over": ["a", "b"], "as": "cell"}
    outer = {"id": "rows", "type": "loop", "over": [1, 2, 3], "as": "row"}
    done = engine.run(doc({**outer, "steps": [{**inner, "steps": body}]}))
    assert (done.error or {})["path"] == "rows[1].cells[1].r"
    repair("r")
    again = rerun(done)
    assert again.status == "completed"
    assert reused(engine, done, again) >= {
        *("rows[0].cells", "rows[0].cells[0].w", "rows[0].cells[1].r"),
        *("rows[1].cells[0].w", "rows[1].cells[1].w"),
    }
    # Five writes, four skipped reads and... the loops that had ended.
    assert again.reused_steps == 4 + 3 + 1
    assert len(engine.records(again)) == 1 + 3 + 6 * 2


_AT_2_B = "{{ row == 2 and cell == 'b' }}"


def test_goes_on_after_attempts_of_a_block(
    engine: Engine, rerun: Any, repair: Any
) -> None:
    block = {
        "id": "t",
        "type": "condition",
        "if": "{{ true }}",
        "then": [write("w"), reads("r")],
        "retry": {"max_attempts": 2, "delay": 0},
    }
    done = engine.run(doc(block))
    assert (done.error or {})["path"] == "t~2.r"
    repair("r")
    again = rerun(done)
    assert again.status == "completed"
    assert {"w", "t~2.w"} <= reused(engine, done, again)
    assert "t~2.r completed" in engine.paths(again)


def test_what_was_caught_stays_caught(engine: Engine, rerun: Any, repair: Any) -> None:
    block = {"id": "t", "type": "try", "steps": [broken("b")], "catch": [write("c")]}
    done = engine.run(doc(block, broken("d", on_error="continue"), reads("r")))
    repair("r")
    again = rerun(done)
    assert again.status == "completed"
    assert reused(engine, done, again) >= {"b", "c", "d"}
    assert again.reused_steps == 4


def test_handlers_run_again(engine: Engine, rerun: Any) -> None:
    document = doc(
        broken("b"), on_failure=[write("f")], **{"finally": [write("z", path="z.txt")]}
    )
    done = engine.run(document)
    again = rerun(done)
    assert again.reused_steps == 0
    assert reused(engine, done, again) == set()
    assert {"f completed", "z completed"} <= set(engine.paths(again))


def test_goes_on_in_a_handler(engine: Engine, rerun: Any, repair: Any) -> None:
    done = engine.run(doc(put("a", 1), **{"finally": [write("w"), reads("r")]}))
    assert done.status == "failed"
    repair("r")
    again = rerun(done)
    assert (again.status, again.reused_steps) == ("completed", 2)


def test_finished_branches_are_not_done_twice(
    engine: Engine, rerun: Any, repair: Any
) -> None:
    slow = [{"id": "p", "type": "delay", "params": {"seconds": 0.3}}, write("w")]
    branches = [{"name": "a", "steps": [reads("r")]}, {"name": "b", "steps": slow}]
    done = engine.run(doc({"id": "both", "type": "parallel", "branches": branches}))
    assert "w completed" in engine.paths(done)
    repair("r")
    again = rerun(done)
    assert again.status == "completed"
    assert {"p", "w"} <= reused(engine, done, again)


def test_no_branch_fails_by_what_is_reused(
    engine: Engine, rerun: Any, repair: Any
) -> None:
    pause = {"id": "p", "type": "delay", "params": {"seconds": 0.2}}
    caught = {"id": "t", "type": "try", "steps": [broken("b")], "catch": [put("c", 1)]}
    branches = [
        {"name": "one", "steps": [caught, pause, reads("r")]},
        {"name": "two", "steps": [write("w"), reads("q"), put("n", 1)]},
    ]
    done = engine.run(doc({"id": "both", "type": "parallel", "branches": branches}))
    assert (done.error or {})["path"] == "r"
    assert "q failed" in engine.paths(done)
    repair("r")
    repair("q")
    again = rerun(done)
    assert again.status == "completed"
    assert {"b", "c", "p", "w"} <= reused(engine, done, again)


# --- what may be asked ------------------------------------------------------------


def test_from_the_start_reuses_nothing(engine: Engine, rerun: Any) -> None:
    done = engine.run(doc(write("w"), put("a", 1)))
    again = rerun(done, **{"from": "start"})
    assert (again.status, again.reused_steps) == ("completed", 0)
    assert reused(engine, done, again) == set()


def test_from_a_path(engine: Engine, rerun: Any) -> None:
    loop = {"id": "rows", "type": "loop", "times": 3, "steps": [write("w")]}
    done = engine.run(doc(put("a", 1), loop, put("z", 1)))
    again = rerun(done, **{"from": "rows[2].w"})
    assert reused(engine, done, again) >= {"a", "rows[0].w", "rows[1].w"}
    assert {"rows[2].w", "z"}.isdisjoint(reused(engine, done, again))
    assert again.reused_steps == 1 + 1 + 2  # the loop itself had ended
    whole = rerun(done, **{"from": "rows"})
    assert (whole.reused_steps, reused(engine, done, whole)) == (1, {"a"})


def test_from_where_a_cancel_struck(engine: Engine, rerun: Any, alice: Person) -> None:
    execution = engine.start(doc(write("w"), put("a", 1)))
    lease = claims.claim(execution.id, "worker")
    assert lease is not None
    rows = [("w", "completed"), ("a", "cancelled")]
    with engine.scope():
        for position, (path, status) in enumerate(rows):
            StepRecord.objects.create(
                pk=(execution.id, path, 1),
                organization_id=execution.organization_id,
                position=position,
                step_id=path,
                type="write_file" if path == "w" else "set_variable",
                effect="write",
                status=status,
                started_at=execution.queued_at,
                duration_ms=1,
                output={"path": "w.txt"},
            )
        Execution.objects.filter(id=execution.id).update(
            status="cancelled", lease_until=None
        )
    again = rerun(engine.now(execution))
    assert (again.status, again.reused_steps) == ("completed", 1)
    assert reused(engine, execution, again) == {"w"}


def test_a_stop_is_decided_anew(engine: Engine, rerun: Any) -> None:
    stop = {"id": "s", "type": "stop", "if": "{{ inputs.n < 3 }}"}
    params = {"status": "failed", "message": "Too few."}
    document = doc(put("a", 1), {**stop, "params": params}, put("z", 1))
    done = engine.run(
        {"inputs": {"n": {"type": "integer"}}, **document}, inputs={"n": 1}
    )
    assert (done.status, done.reason) == ("failed", "Too few.")
    again = rerun(done, inputs={"n": 5})
    assert (again.status, again.reused_steps) == ("completed", 1)


def test_what_never_began_is_run_from_its_start(
    engine: Engine, rerun: Any, alice: Person
) -> None:
    execution = engine.start(doc(put("a", 1)))
    alice.client.post(f"/api/executions/{execution.id}/cancel")
    again = rerun(engine.now(execution))
    assert (again.status, again.reused_steps) == ("completed", 0)


def test_nothing_failed(engine: Engine, retry: Retry) -> None:
    done = engine.run(doc(broken("b", on_error="continue")))
    answer = retry(done)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_failed")


def test_an_open_execution_is_not_retried(engine: Engine, retry: Retry) -> None:
    execution = engine.start(doc())
    for from_ in ("start", "failed", "a"):
        answer = retry(execution, {"from": from_})
        assert (answer.status_code, answer.json()["code"]) == (409, "execution_open")


def test_an_archived_workflow_is_not_retried(engine: Engine, retry: Retry) -> None:
    workflow = engine.workflow(doc(broken("b")))
    done = engine.run(workflow)
    with engine.scope():
        workflow_archive(workflow=workflow, by=engine.viewer)
    answer = retry(done)
    assert (answer.status_code, answer.json()["code"]) == (409, "workflow_archived")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"from": "nowhere"}, "from"),
        ({"from": "a[0]"}, "from"),
        ({"from": "Failed"}, "from"),
        ({"from": ""}, "from"),
        ({"from": None}, "from"),
        ({"from": 5}, "from"),
        ({"from": "x" * 2001}, "from"),
        ({"form": "start"}, "form"),
        ({"version": "latest"}, "version"),
        ({"version": 2}, "version"),
        ({"inputs": []}, "inputs"),
        ({"priority": 1}, "priority"),
    ],
)
def test_refuses_what_it_does_not_know(
    engine: Engine, retry: Retry, body: Any, path: str
) -> None:
    answer = retry(engine.run(doc(put("a", 1), broken("b"))), body)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]
