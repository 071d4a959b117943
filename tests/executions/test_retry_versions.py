"""Retries with other inputs, another version, other secrets."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.core.types import Json
from tests.executions.documents import NAMED, broken, doc, put, write
from tests.executions.retrying import change, reads, reused
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

Retry = Callable[..., Any]


# --- inputs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {"customer": "Ann", "count": 7}),
        ({"inputs": None}, {"customer": "Ann", "count": 7}),
        ({"inputs": {"customer": "Bob"}}, {"customer": "Bob", "count": 2}),
    ],
)
def test_inputs_are_kept_or_replaced(
    engine: Engine, rerun: Any, sent: Any, expected: Json
) -> None:
    done = engine.run(NAMED, inputs={"customer": "Ann", "count": 7})
    again = rerun(done, **{"from": "start", **sent})
    assert again.inputs == expected


def test_inputs_that_do_not_fit_are_refused(engine: Engine, retry: Retry) -> None:
    done = engine.run(NAMED, inputs={"customer": "Ann"})
    answer = retry(done, {"from": "start", "inputs": {"customer": 1}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "inputs.customer"


# --- another version --------------------------------------------------------------


def test_the_same_version_is_the_default(engine: Engine, rerun: Any) -> None:
    workflow = engine.workflow(doc(broken("b")))
    done = engine.run(workflow)
    change(engine, workflow, put("b", 1))
    assert rerun(done).version_id == done.version_id
    again = rerun(done, version="current")
    assert (again.status, again.version_id == done.version_id) == ("completed", False)


def test_a_mended_step_goes_on_with_what_was_before_it(
    engine: Engine, rerun: Any
) -> None:
    workflow = engine.workflow(doc(write("w"), broken("b"), put("z", 1)))
    done = engine.run(workflow)
    change(engine, workflow, write("w", "other"), put("b", 1), put("z", 2))
    again = rerun(done, version="current")
    assert (again.status, again.reused_steps) == ("completed", 1)
    assert reused(engine, done, again) == {"w"}


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([put("a", 1), put("b", 1), put("c", 1), put("r", 1)], {"a", "b", "c"}),
        ([put("a", 1), put("n", 1), put("b", 1), put("c", 1)], {"a"}),
        ([put("b", 1), put("a", 1), put("c", 1)], set()),
        ([put("a", 1), put("c", 1)], {"a"}),
        ([put("a", 1), write("b"), put("c", 1)], {"a"}),
        ([put("n", 1), put("a", 1), put("b", 1)], set()),
    ],
)
def test_the_first_difference_ends_the_reuse(
    engine: Engine, rerun: Any, steps: list[Any], kept: set[str]
) -> None:
    workflow = engine.workflow(doc(put("a", 1), put("b", 1), put("c", 1), broken("r")))
    done = engine.run(workflow)
    change(engine, workflow, *steps)
    again = rerun(done, version="current")
    assert (again.status, again.reused_steps) == ("completed", len(kept))
    assert reused(engine, done, again) == kept


def test_a_difference_inside_a_loop_ends_the_reuse_there(
    engine: Engine, rerun: Any
) -> None:
    loop = {"id": "rows", "type": "loop", "times": 2}
    inner = [write("x"), write("y")]
    workflow = engine.workflow(doc({**loop, "steps": inner}, broken("b")))
    done = engine.run(workflow)
    change(engine, workflow, {**loop, "steps": [write("x"), put("n", 1), write("y")]})
    again = rerun(done, version="current")
    assert again.status == "completed"
    assert "rows[0].x" in reused(engine, done, again)
    assert {"rows[0].y", "rows[1].x"}.isdisjoint(reused(engine, done, again))


def test_a_path_that_the_chosen_version_does_not_have_is_refused(
    engine: Engine, retry: Retry
) -> None:
    workflow = engine.workflow(doc(put("a", 1), broken("b")))
    done = engine.run(workflow)
    change(engine, workflow, put("a", 1), put("c", 1))
    answer = retry(done, version="current", **{"from": "b"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "from"
    assert engine.now(done).status == "failed"
    assert retry(done, version="same", **{"from": "b"}).status_code == 202


# --- secrets ----------------------------------------------------------------------


def test_secrets_in_what_is_reused_come_back_as_they_are_now(
    engine: Engine, rerun: Any, repair: Any, alice: Person
) -> None:
    alice.client.post("/api/secrets", {"name": "token", "value": "first-value"})
    uses = write("w", "{{ variables.s }}", path="seen.txt")
    done = engine.run(doc(put("s", "key={{ secrets.token }}"), reads("r"), uses))
    alice.client.patch("/api/secrets/token", {"value": "second-value"})
    repair("r")
    again = rerun(done)
    assert (again.status, again.reused_steps) == ("completed", 1)
    seen = b"".join(alice.client.get("/api/files/seen.txt"))
    assert seen == b"key=second-value"
    shown = alice.client.get(f"/api/executions/{again.id}").json()
    assert shown["variables"]["s"] == "key=***"
    for row in engine.records(again):
        assert "value" not in str(row.variables)
