from typing import Any

import pytest
from pydantic import ValidationError

from tests.fixtures_steps import CallFlow, run_block


def _body(*whens: Any) -> dict[str, Any]:
    return {
        "value": "{{ value }}",
        "cases": [
            {"when": when, "steps": [lambda flow, at=at: at]}
            for at, when in enumerate(whens)
        ],
        "default": [lambda flow: "default"],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DE", 0),
        ("AT", 0),
        ("FR", 1),
        (3, 2),
        (3.0, 2),
        ("3", "default"),
        (True, 3),
        (1, "default"),
        (None, "default"),
        ([1, 2], 4),
    ],
)
def test_runs_the_first_case_that_matches(value: Any, expected: Any) -> None:
    body = _body(["DE", "AT"], "FR", 3, True, [[1, 2]])
    assert run_block("switch", body, CallFlow({"value": value})) == expected


def test_compares_with_expressions() -> None:
    body = _body("{{ limit * 2 }}")
    assert run_block("switch", body, CallFlow({"value": 8, "limit": 4})) == 0


def test_evaluates_no_case_after_the_one_that_matches() -> None:
    body = _body("x", "{{ missing }}")
    assert run_block("switch", body, CallFlow({"value": "x"})) == 0


def test_gives_null_without_a_match_and_default() -> None:
    body = _body("x")
    del body["default"]
    assert run_block("switch", body, CallFlow({"value": "y"})) is None


def test_refuses_a_switch_without_cases() -> None:
    with pytest.raises(ValidationError):
        run_block("switch", {"value": 1, "cases": []})
