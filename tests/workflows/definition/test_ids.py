"""Ids that are filled in: once, the same each time, and never clashing."""

import copy

from apps.workflows.definition.ids import normalize
from tests.workflows.documents import OVERDUE, step, with_steps, yaml


def ids(document: dict[str, object]) -> list[object]:
    return [one["id"] for one in normalize(document)["steps"]]


def test_names_steps_after_their_type() -> None:
    assert ids(with_steps(step(), step(), step("x y"))) == [
        "sample_step",
        "sample_step_2",
        "x_y",
    ]


def test_keeps_out_of_the_way_of_given_ids() -> None:
    inner = step("sample_group", id="g", steps=[step(id="sample_step_2")])
    assert ids(with_steps(step(), step(), inner)) == [
        "sample_step",
        "sample_step_3",
        "g",
    ]


def test_changes_nothing_else_and_nothing_twice() -> None:
    document = yaml(OVERDUE)
    before = copy.deepcopy(document)
    once = normalize(document)
    assert document == before
    assert normalize(once) == once
    assert list(once) == list(document)


def test_puts_ids_into_every_body() -> None:
    loop = normalize(yaml(OVERDUE))["steps"][1]
    condition = loop["steps"][0]
    assert condition["then"][0]["id"] == "delay"
    assert condition["else"][0]["id"] == "continue"


def test_passes_over_what_is_no_step() -> None:
    document = {"steps": ["x", {"type": 5}, {"type": "loop", "steps": 3}]}
    assert [s for s in normalize(document)["steps"] if isinstance(s, dict)] == [
        {"id": "step", "type": 5},
        {"id": "loop", "type": "loop", "steps": 3},
    ]


def test_leaves_values_that_look_like_steps_alone() -> None:
    value = [{"type": "sample_step"}]
    block = step("sample_group", id="g", value=value, steps=[step(id="s")])
    assert normalize(with_steps(block))["steps"] == [block]
