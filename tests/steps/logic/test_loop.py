from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.base import BlockType
from apps.steps.registry import find
from apps.steps.signals import BreakLoop, ContinueLoop, StopExecution
from tests.fixtures_steps import CallFlow, run_block


def test_goes_through_a_list() -> None:
    body = {"over": "{{ rows }}", "as": "row", "steps": [lambda flow: flow["row"] * 2]}
    flow = CallFlow({"rows": [1, 2, 3]})
    assert run_block("loop", body, flow) == [2, 4, 6]
    assert flow.indexes == [0, 1, 2]


def test_says_where_it_is() -> None:
    body = {"over": ["a", "b"], "steps": [lambda flow: (flow["item"], flow["loop"])]}
    assert run_block("loop", body) == [
        ("a", {"index": 0, "first": True, "last": False, "length": 2}),
        ("b", {"index": 1, "first": False, "last": True, "length": 2}),
    ]


def test_goes_through_a_mapping() -> None:
    body = {"over": {"x": 1}, "steps": [lambda flow: flow["item"]]}
    assert run_block("loop", body) == [{"key": "x", "value": 1}]


@pytest.mark.parametrize("times", [3, "{{ n }}", 3.0])
def test_runs_a_number_of_times(times: Any) -> None:
    body = {"times": times, "as": "i", "steps": [lambda flow: flow["i"]]}
    assert run_block("loop", body, CallFlow({"n": 3})) == [0, 1, 2]


def test_runs_while_something_holds() -> None:
    def count(flow: CallFlow) -> Any:
        flow.variables["n"] += 1
        return flow["loop"]

    flow = CallFlow({"n": 0})
    assert run_block("loop", {"while": "{{ n < 2 }}", "steps": [count]}, flow) == [
        {"index": 0, "first": True},
        {"index": 1, "first": False},
    ]


@pytest.mark.parametrize("body", [{"over": []}, {"times": 0}, {"while": "false"}])
def test_may_run_not_at_all(body: dict[str, Any]) -> None:
    assert run_block("loop", body | {"steps": [lambda flow: 1]}) == []


def test_break_leaves_and_continue_skips() -> None:
    def step(flow: CallFlow) -> Any:
        if flow["item"] == 1:
            raise ContinueLoop
        if flow["item"] == 3:
            raise BreakLoop
        return flow["item"]

    body = {"over": [0, 1, 2, 3, 4], "steps": [step]}
    assert run_block("loop", body) == [0, None, 2]


def test_break_leaves_the_innermost_loop_only() -> None:
    def leave(flow: CallFlow) -> Any:
        raise BreakLoop

    def inner(flow: CallFlow) -> Any:
        return run_block("loop", {"times": 5, "steps": [leave]}, flow)

    assert run_block("loop", {"times": 2, "steps": [inner]}) == [[], []]


def test_stop_goes_through() -> None:
    def stop(flow: CallFlow) -> Any:
        raise StopExecution("completed", "")

    with pytest.raises(StopExecution):
        run_block("loop", {"times": 2, "steps": [stop]})


@pytest.mark.parametrize("body", [{"over": list(range(6))}, {"times": 6}])
def test_refuses_too_many_items_before_it_starts(body: dict[str, Any]) -> None:
    flow = CallFlow(max_iterations=5)
    with pytest.raises(PermanentFailure) as caught:
        run_block("loop", body | {"steps": [lambda flow: 1]}, flow)
    assert (caught.value.code, flow.indexes) == ("loop_limit", [])


def test_ends_a_loop_that_would_never_end() -> None:
    flow = CallFlow(max_iterations=5)
    with pytest.raises(PermanentFailure) as caught:
        run_block("loop", {"while": "true", "steps": [lambda flow: 1]}, flow)
    assert (caught.value.code, len(flow.indexes)) == ("loop_limit", 5)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"over": "text"}, "not_a_list"),
        ({"over": 5}, "not_a_list"),
        ({"over": "{{ nothing }}"}, "not_a_list"),
        ({"times": -1}, "not_a_count"),
        ({"times": 1.5}, "not_a_count"),
        ({"times": "many"}, "not_a_count"),
        ({"times": True}, "not_a_count"),
    ],
)
def test_names_what_it_cannot_go_through(body: dict[str, Any], code: str) -> None:
    flow = CallFlow({"nothing": None})
    with pytest.raises(PermanentFailure) as caught:
        run_block("loop", body | {"steps": []}, flow)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"over": [], "times": 1},
        {"over": [], "while": "true"},
        {"over": [], "as": "two words"},
        {"over": [], "as": "steps"},
        {"over": [], "as": "loop"},
        {"while": "true", "as": "row"},
        {"over": [], "until": "x"},
    ],
)
def test_refuses_a_body_that_makes_no_sense(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_block("loop", body | {"steps": []})


def test_tells_which_names_its_steps_may_use() -> None:
    loop = find("loop")
    assert isinstance(loop, BlockType)
    names = [
        loop.names(loop.body_class.model_validate(body | {"steps": []}))
        for body in ({"over": [], "as": "row"}, {"times": 1}, {"while": "true"})
    ]
    assert names == [{"loop", "row"}, {"loop", "item"}, {"loop"}]
