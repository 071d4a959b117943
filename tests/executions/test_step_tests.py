"""Trying one step with given values."""

import uuid
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.executions.local import run_here
from apps.executions.models import Execution
from apps.executions.step_tests import StepTest, step_test_result, step_test_start
from apps.workflows.services import workflow_archive
from tests.executions.documents import NAMED, broken, doc, put, refused, write
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine, Program

LOOP = {
    "id": "rows",
    "type": "loop",
    "over": "{{ steps.found.output }}",
    "as": "row",
    "steps": [put("total", "{{ row.n * 2 + loop.index }}")],
}


def tried(engine: Engine, saved: dict[str, Any], step: str, **values: Any) -> Any:
    """What trying the step gives."""
    workflow = engine.workflow(saved)
    with engine.scope():
        execution = step_test_start(
            workflow=workflow, by=engine.viewer, test=StepTest(step=step, **values)
        )
    run_here(execution)
    with engine.scope():
        return step_test_result(execution.id)


def url(person: Person, document: dict[str, Any]) -> str:
    definition = {"name": f"w-{uuid.uuid4().hex[:8]}", **document}
    made = person.client.post("/api/workflows", {"definition": definition}).json()
    return f"/api/workflows/{made['id']}/steps/test"


def test_runs_the_step_and_no_other(engine: Engine) -> None:
    document = doc(broken("first"), put("a", "{{ steps.first.output + 1 }}"))
    found = tried(engine, document, "a", steps={"first": 41})
    assert (found["status"], found["output"], found["error"]) == ("completed", 42, None)
    with engine.scope():
        execution = Execution.objects.get(id=found["id"])
    assert engine.paths(execution) == ["a completed"]
    assert execution.trigger == "test"


def test_variables_take_the_place_of_declared_ones(engine: Engine) -> None:
    step = put("a", "{{ variables.x }}{{ variables.y }}")
    document = doc(step, variables={"x": "1", "y": "{{ variables.x }}!"})
    assert tried(engine, document, "a", variables={"x": "2"})["output"] == "22!"


def test_inputs_are_checked_but_none_is_required(engine: Engine) -> None:
    assert tried(engine, NAMED, "a")["output"] is None
    assert tried(engine, NAMED, "a", inputs={"customer": "Ann"})["output"] == "Ann"


def test_a_step_inside_a_loop_gets_the_names_of_the_loop(engine: Engine) -> None:
    document = doc(put("found", []), LOOP)
    names = {"row": {"n": 5}, "loop": {"index": 1}}
    assert tried(engine, document, "total", names=names)["output"] == 11


def test_a_block_runs_with_all_that_is_in_it(engine: Engine) -> None:
    document = doc(put("found", []), LOOP)
    found = tried(engine, document, "rows", steps={"found": [{"n": 1}, {"n": 2}]})
    assert found["output"] == [2, 5]


def test_a_failure_is_the_result(engine: Engine) -> None:
    found = tried(engine, doc(broken("a")), "a")
    assert (found["status"], found["output"]) == ("failed", None)
    assert found["error"]["path"] == "a"


def test_a_value_that_is_missing_is_named(engine: Engine) -> None:
    document = doc(put("x", 1), put("a", "{{ steps.x.output }}"))
    assert "x" in tried(engine, document, "a")["error"]["message"]


def test_an_edit_is_tried_before_it_is_saved(engine: Engine) -> None:
    edit = {"name": "edit", **doc(put("b", "{{ 1 + 1 }}"))}
    assert tried(engine, doc(), "b", document=edit)["output"] == 2


def test_leaving_a_loop_that_is_not_there_is_no_failure(engine: Engine) -> None:
    leave = {"id": "leave", "type": "break"}
    document = doc({"id": "rows", "type": "loop", "times": 2, "steps": [leave]})
    assert tried(engine, document, "leave")["status"] == "completed"


def test_a_dry_run_writes_nothing(engine: Engine) -> None:
    found = tried(engine, doc(write("w")), "w", dry_run=True)
    assert found["output"] == {"dry_run": True, "would": "write w.txt"}


def test_tests_are_shown_only_when_asked_for(engine: Engine, alice: Person) -> None:
    tried(engine, doc(), "a")
    listed = alice.client.get("/api/executions").json()["results"]
    tests = alice.client.get("/api/executions?trigger=test").json()["results"]
    assert (len(listed), len(tests)) == (0, 1)


def test_tests_do_not_count(engine: Engine, alice: Person) -> None:
    found = tried(engine, doc(), "a")
    with engine.scope():
        execution = Execution.objects.get(id=found["id"])
    status = f"/api/workflows/{execution.workflow_id}/status"
    answer = alice.client.get(status).json()
    assert answer["executions"]["completed"] == 0
    assert answer["last"] is None


def test_tests_take_no_place_under_a_limit(engine: Engine) -> None:
    workflow = engine.workflow(doc(settings={"concurrency": {"limit": 1}}))
    engine.start(workflow)
    with engine.scope():
        test = StepTest(step="a")
        made = step_test_start(workflow=workflow, by=engine.viewer, test=test)
    assert (made.limit_key, made.is_held) == ("", False)


def test_a_test_cannot_be_retried(engine: Engine, alice: Person) -> None:
    found = tried(engine, doc(broken("a")), "a")
    answer = alice.client.post(f"/api/executions/{found['id']}/retry", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "step_test")


# --- the endpoint -----------------------------------------------------------------


def test_the_answer_is_the_result(worker: Program, alice: Person) -> None:
    answer = alice.client.post(url(alice, doc(put("a", 1))), {"step": "a"})
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["duration_ms"] is not None
    assert (found["status"], found["output"], found["warnings"]) == ("completed", 1, [])


def test_what_takes_long_is_left_to_be_looked_at(
    engine: Engine, alice: Person, settings: Any
) -> None:
    from datetime import timedelta

    settings.HOOK_WAIT = timedelta(seconds=0.1)
    answer = alice.client.post(url(alice, doc()), {"step": "a"})
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/executions/{answer.json()['id']}"
    with engine.scope():
        assert AuditEntry.objects.filter(action="execution.test").count() == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "step"),
        ({"step": "aa"}, "step"),
        ({"step": "a", "steps": {"b": 1}}, "steps.b"),
        ({"step": "a", "names": {"inputs": {}}}, "names.inputs"),
        ({"step": "a", "inputs": {"customer": 1}}, "inputs.customer"),
        ({"step": "a", "inputs": {"nobody": 1}}, "inputs.nobody"),
        ({"step": "a", "variables": []}, "variables"),
        ({"step": "a", "definition": {"steps": []}}, "steps"),
        ({"step": "a", "stepz": 1}, "stepz"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    engine: Engine, alice: Person, body: dict[str, Any], path: str
) -> None:
    assert path in refused(alice.client.post(url(alice, NAMED), body))
    with engine.scope():
        assert not Execution.objects.exists()


def test_an_archived_workflow_is_not_tried(engine: Engine, alice: Person) -> None:
    workflow = engine.workflow(doc())
    with engine.scope():
        workflow_archive(workflow=workflow, by=engine.viewer)
    answer = alice.client.post(
        f"/api/workflows/{workflow.id}/steps/test", {"step": "a"}
    )
    assert answer.status_code == 409


def test_editors_try_steps_and_others_do_not(
    engine: Engine, alice: Person, member: Any, carol: Person, anonymous: Any
) -> None:
    address = url(alice, doc())
    assert member("operator").client.post(address, {"step": "a"}).status_code == 403
    assert carol.client.post(address, {"step": "a"}).status_code == 404
    assert anonymous.post(address, {"step": "a"}).status_code == 401
