from typing import Any

import pytest
from pydantic import ValidationError

from tests.fixtures_steps import run_block


def test_gives_the_outputs_by_the_branches_names() -> None:
    body = {
        "branches": [
            {"name": "orders", "steps": [lambda flow: 1, lambda flow: 2]},
            {"name": "prices", "steps": [lambda flow: 3]},
        ]
    }
    assert run_block("parallel", body) == {"orders": 2, "prices": 3}


@pytest.mark.parametrize(
    "branches",
    [
        [],
        [{"name": "a", "steps": []}, {"name": "a", "steps": []}],
        [{"steps": []}],
        [{"name": "two words", "steps": []}],
        [{"name": f"b{n}", "steps": []} for n in range(21)],
    ],
)
def test_refuses_branches_that_make_no_sense(branches: list[Any]) -> None:
    with pytest.raises(ValidationError):
        run_block("parallel", {"branches": branches})
