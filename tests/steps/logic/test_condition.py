import pytest
from pydantic import ValidationError

from tests.fixtures_steps import CallFlow, run_block


@pytest.mark.parametrize(("total", "ran"), [(101, "then"), (100, "else")])
def test_runs_the_branch_that_the_condition_chooses(total: int, ran: str) -> None:
    body = {
        "if": "{{ total > 100 }}",
        "then": [lambda flow: "then"],
        "else": [lambda flow: "else"],
    }
    assert run_block("condition", body, CallFlow({"total": total})) == ran


def test_gives_null_when_there_is_no_branch_to_run() -> None:
    assert run_block("condition", {"if": "false", "then": [lambda flow: 1]}) is None


def test_takes_a_condition_without_braces() -> None:
    flow = CallFlow({"a": [1]})
    assert run_block("condition", {"if": "a", "then": [lambda flow: 1]}, flow) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"then": []},
        {"if": "true"},
        {"if": "{{ (", "then": []},
        {"if": "true", "then": [], "otherwise": []},
        {"if": "true", "then": "no list"},
    ],
)
def test_refuses_a_body_that_makes_no_sense(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        run_block("condition", body)
