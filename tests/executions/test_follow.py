"""Following an execution: each step when it happens, a block after its steps."""

import pytest

from apps.executions.follow import follow
from tests.executions.documents import put

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_block_that_has_ended_comes_after_its_steps(engine):
    inner = {"id": "inner", "type": "loop", "times": 2, "steps": [put("deep", 1)]}
    outer = {"id": "outer", "type": "loop", "times": 2, "steps": [put("a", 1), inner]}
    execution = engine.run({"steps": [put("first", 1), outer, put("last", 1)]})
    paths = [record.path for record in follow(execution)]
    parts = ("a", "inner[0].deep", "inner[1].deep", "inner")
    rounds = [f"outer[{number}].{part}" for number in (0, 1) for part in parts]
    assert paths == ["first", *rounds, "outer", "last"]


def test_it_ends_when_its_caller_has_seen_enough(engine):
    execution = engine.start({"steps": [put("a", 1)]})
    assert list(follow(execution, give_up=lambda: True)) == []
