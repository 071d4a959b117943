"""Parameters on save: literals are validated though expressions stand beside them."""

from typing import Any

import pytest

from apps.workflows.definition.parser import parse
from tests.workflows.documents import errors, paths, step, with_steps

EXPRESSION = "{{ inputs.x }}"


@pytest.mark.parametrize(
    "params",
    [
        {"count": EXPRESSION},
        {"word": "A-" + EXPRESSION},
        {"place": EXPRESSION + " is longer than three"},
        {"place": {"primary": EXPRESSION}},
        {"place": {"primary": EXPRESSION, "tries": EXPRESSION}},
        {"paint": {"color": EXPRESSION, "shade": 1}},
        {"paint": {"color": "red", "shade": EXPRESSION}},
        {"many": [1, EXPRESSION]},
        {"many": EXPRESSION},
        {"word": "bad", "many": [EXPRESSION]},
    ],
)
def test_takes_expressions_in_the_place_of_any_value(params: dict[str, Any]) -> None:
    (node,) = parse(with_steps(step(params=params))).steps.nodes
    assert node.fixed_params is None


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"count": "x", "word": EXPRESSION}, "count"),
        ({"place": {"primary": EXPRESSION, "tries": "x"}}, "place.tries"),
        ({"place": {"primary": EXPRESSION, "more": 1}}, "place.more"),
        ({"paint": {"color": "green", "shade": EXPRESSION}}, "paint"),
        ({"paint": {"color": "red"}, "word": EXPRESSION}, "paint.shade"),
        ({"many": ["x", EXPRESSION]}, "many[0]"),
        ({"cuont": EXPRESSION}, "cuont"),
    ],
)
def test_refuses_wrong_literals_beside_expressions(
    params: dict[str, Any], path: str
) -> None:
    assert f"steps[0].params.{path}" in paths(with_steps(step(params=params)))


def test_knows_rules_over_several_params() -> None:
    found = errors(with_steps(step(params={"word": "bad"})))
    assert found == [("steps[0].params", "the word is bad")]


def test_names_every_expression_that_cannot_be_read() -> None:
    params = {"word": "{{ a +", "many": ["{{ ''.join() }}", "{{ 1 }}"]}
    found = paths(with_steps(step(params=params)))
    assert found == ["steps[0].params.word", "steps[0].params.many[0]"]


@pytest.mark.parametrize("word", ["{% if x %}", "{{ ''.__class__.__mro__() }}"])
def test_refuses_statements_and_calls_of_methods(word: str) -> None:
    assert paths(with_steps(step(params={"word": word}))) == ["steps[0].params.word"]


def test_some_params_take_no_expressions() -> None:
    params = {"url": "{{ secrets.db }}", "query": "SELECT {{ inputs.x }}"}
    ((path, message),) = errors(with_steps(step("database_query", params=params)))
    assert path == "steps[0].params.query"
    assert message.startswith("takes no expressions")
