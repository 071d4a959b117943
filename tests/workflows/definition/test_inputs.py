"""Inputs at the start of an execution."""

from typing import Any

import pytest

from apps.core.errors import Invalid
from apps.workflows.definition.inputs import check_inputs, read_inputs
from apps.workflows.definition.parser import parse
from tests.workflows.documents import step, with_steps

DECLARED = {
    "name": {"type": "string", "required": True},
    "count": {"type": "integer", "default": 3},
    "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
    "day": {"type": "date"},
}
WORKFLOW = parse(with_steps(step(), inputs=DECLARED))


def test_fills_in_defaults() -> None:
    assert check_inputs(WORKFLOW, {"name": "x", "day": "2026-02-28"}) == {
        "name": "x",
        "count": 3,
        "kind": "a",
        "day": "2026-02-28",
    }


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({}, "inputs.name", "is required"),
        ({"name": 5}, "inputs.name", "must be a text"),
        ({"name": None}, "inputs.name", "must be a text"),
        ({"name": "x", "cuont": 1}, "inputs.cuont", 'did you mean "count"?'),
        ({"name": "x", "count": 1.5}, "inputs.count", "a whole number"),
        ({"name": "x", "count": True}, "inputs.count", "a whole number"),
        ({"name": "x", "kind": "c"}, "inputs.kind", 'must be one of "a", "b"'),
        ({"name": "x", "day": "2026-02-30"}, "inputs.day", "a date"),
        ({"name": "a\0"}, "inputs.name", "NUL"),
        ([], "inputs", "an object"),
        (None, "inputs", "an object"),
    ],
)
def test_refuses_inputs_by_name(given: Any, path: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_inputs(WORKFLOW, given)
    found = {error["path"]: error["message"] for error in caught.value.errors}
    assert words in str(found[path])


def test_takes_any_inputs_when_none_are_declared() -> None:
    assert check_inputs(parse(with_steps(step())), {"a": [1]}) == {"a": [1]}


def test_reads_texts_by_declared_type() -> None:
    texts = {"name": "5", "count": "5", "day": "2026-01-01", "other": "{}"}
    assert read_inputs(WORKFLOW, texts) == {
        "name": "5",
        "count": 5,
        "day": "2026-01-01",
        "other": "{}",
    }
