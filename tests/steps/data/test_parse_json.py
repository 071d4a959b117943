import json
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True]}, [], "x", 0, None])
def test_reads_a_value(run_step: StepRunner, value: Any) -> None:
    assert run_step("parse_json", {"text": json.dumps(value)}) == value


def test_reads_a_value_on_each_line(run_step: StepRunner) -> None:
    params = {"text": '{"a": 1}\n\n[2]\r\n', "lines": True}
    assert run_step("parse_json", params) == [{"a": 1}, [2]]


def test_takes_a_byte_order_mark(run_step: StepRunner) -> None:
    assert run_step("parse_json", {"text": "\ufeff[1]"}) == [1]


def test_reads_a_file(run_step: StepRunner, step_ctx: ContextMaker) -> None:
    ctx = step_ctx()
    ctx.files.write_bytes("a.json", '{"city": "Köln"}'.encode())
    assert run_step("parse_json", {"path": "a.json"}, ctx) == {"city": "Köln"}


def test_a_file_that_is_no_text_names_the_byte(
    run_step: StepRunner, step_ctx: ContextMaker
) -> None:
    ctx = step_ctx()
    ctx.files.write_bytes("a.json", b'"\xff"')
    with pytest.raises(PermanentFailure, match="0xff at offset 1"):
        run_step("parse_json", {"path": "a.json"}, ctx)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("[" * 100_000, "deeper"),
        ('{"a":' * 900 + "1" + "}" * 900, "deeper"),
        ("9" * 5000, "digits"),
        ("1e400", "too large"),
        ("[NaN]", "NaN"),
        ("-Infinity", "Infinity"),
        ('{"a": 1, "a": 2}', "twice"),
        (r'{"name": "a\u0000b"}', "NUL"),
        (r'["\ud800"]', "surrogate"),
        ("[1] 2", "not JSON"),
    ],
)
def test_says_what_is_wrong_with_the_text(
    run_step: StepRunner, text: str, why: str
) -> None:
    with pytest.raises(PermanentFailure, match=why) as caught:
        run_step("parse_json", {"text": text})
    assert caught.value.code == "not_json"


def test_names_the_line_that_is_no_json(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure, match="line 3"):
        run_step("parse_json", {"text": "1\n2\n{\n4", "lines": True})


@pytest.mark.parametrize("params", [{}, {"text": "1", "path": "a.json"}, {"text": 1}])
def test_needs_one_source(run_step: StepRunner, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_step("parse_json", params)
