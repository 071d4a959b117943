"""The difference between two versions, matched by the steps' ids."""

from typing import Any

from apps.workflows.definition.compare import compare
from tests.workflows.documents import step, with_steps


def changes(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [(c.path, c.kind, c.before, c.after) for c in compare(before, after)]


A, B, C = (step(id=name) for name in "abc")


def test_finds_nothing_between_equal_documents() -> None:
    assert changes(with_steps(A, B), with_steps(A, B)) == []


def test_tells_an_inserted_step_from_changed_ones() -> None:
    found = changes(with_steps(A, B), with_steps(A, C, B))
    assert found == [("steps[1]", "added", None, C)]


def test_tells_a_removed_step() -> None:
    found = changes(with_steps(A, B), with_steps(B))
    assert found == [("steps[0]", "removed", A, None)]


def test_follows_a_step_that_moved_and_changed() -> None:
    changed = step(id="a", params={"count": 2})
    group = step("sample_group", id="g", steps=[])
    around = step("sample_group", id="g", steps=[changed])
    found = changes(with_steps(A, group), with_steps(around))
    assert ("steps[0].steps[0]", "moved", "steps[0]", "steps[0].steps[0]") in found
    assert ("steps[0].steps[0].params", "added", None, {"count": 2}) in found
    assert len(found) == 2


def test_calls_as_few_steps_moved_as_possible() -> None:
    found = changes(with_steps(A, B, C), with_steps(C, A, B))
    assert found == [("steps[0]", "moved", "steps[2]", "steps[0]")]


def test_goes_into_params_by_key() -> None:
    before = with_steps(step(id="a", params={"word": "x", "count": 1}))
    after = with_steps(step(id="a", params={"word": "y", "many": [1]}))
    assert changes(before, after) == [
        ("steps[0].params.word", "changed", "x", "y"),
        ("steps[0].params.count", "removed", 1, None),
        ("steps[0].params.many", "added", None, [1]),
    ]


def test_compares_the_document_around_the_steps() -> None:
    found = changes(with_steps(A, name="x"), with_steps(A, name="y", tags=["t"]))
    assert found == [("name", "changed", "x", "y"), ("tags", "added", None, ["t"])]


def test_tells_true_from_one() -> None:
    found = changes(with_steps(A, labels=1), with_steps(A, labels=True))
    assert found == [("labels", "changed", 1, True)]
