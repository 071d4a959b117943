"""Names in expressions: known on save, or refused with what may have been meant."""

from typing import Any

import pytest

from apps.workflows.definition.parser import parse
from tests.workflows.documents import errors, paths, step, with_steps


def using(expression: str, **keys: Any) -> dict[str, Any]:
    """A step with an expression in a param."""
    return step(params={"word": f"{{{{ {expression} }}}}"}, **keys)


def loop(*steps: Any, **keys: Any) -> dict[str, Any]:
    """A loop around steps."""
    return step("loop", **({"times": 2} | keys), steps=list(steps))


def setting(name: str) -> dict[str, Any]:
    """A step that sets a variable."""
    return step("set_variable", params={"name": name, "value": 1})


GOOD = [
    with_steps(step(id="a"), using("steps.a.output")),
    with_steps(step("sample_group", steps=[step(id="a")]), using("steps.a.output")),
    with_steps(using("inputs.anything")),
    with_steps(using("inputs.a"), inputs={"a": {}}),
    with_steps(using("variables.a"), variables={"a": 1}),
    with_steps(using("variables.a"), setting("a")),
    with_steps(using("variables.a"), step(save_as="a")),
    with_steps(using("variables.a"), setting("{{ inputs.name }}")),
    with_steps(using("variables.nowhere | default(1)")),
    with_steps(using("secrets.key")),
    with_steps(using("execution.id ~ workflow.name ~ now()")),
    with_steps(loop(using("loop.index"), using("item"))),
    with_steps(loop(using("row"), **{"as": "row"})),
    with_steps(loop(using("steps.later.output"), step(id="later"))),
    with_steps(loop(using("steps.me.output", id="me"))),
    with_steps(using("steps.later.output | default(0)"), step(id="later")),
    with_steps(
        step("loop", steps=[step(id="a")], **{"while": "steps.a.output < 3"}),
    ),
    with_steps(step(), on_failure=[using("error.message")]),
    with_steps(step(id="a"), **{"finally": [using("steps.a.output")]}),
    with_steps(step("try", steps=[step()], catch=[using("error.code")])),
    with_steps(step(), settings={"concurrency": {"limit": 1, "key": "{{ inputs.a }}"}}),
]


@pytest.mark.parametrize("document", GOOD)
def test_takes_names_that_will_exist(document: dict[str, Any]) -> None:
    assert parse(document).steps.nodes


BAD = [
    (
        with_steps(using("total"), variables={"total": 1}),
        "did you mean variables.total",
    ),
    (with_steps(using("inptus.a")), "did you mean inputs"),
    (with_steps(using("inputs.costumer"), inputs={"customer": {}}), "inputs.customer"),
    (with_steps(using("variables.totl"), setting("total")), "variables.total"),
    (with_steps(step(id="rows"), using("steps.row.output")), "steps.rows"),
    (with_steps(using("steps.b.output"), step(id="b")), "comes later"),
    (with_steps(using("steps.a.output", id="a")), "own output"),
    (with_steps(using("steps.none.output")), "steps.none is not defined"),
    (with_steps(step(id="a"), using("steps.a.outptu")), "steps.a.output"),
    (with_steps(using("execution.idd")), "did you mean execution.id"),
    (with_steps(using("loop.index")), "loop is not defined"),
    (with_steps(using("error.message")), "error is not defined"),
    (with_steps(loop(step()), using("item")), "item is not defined"),
    (with_steps(loop(using("steps.l.output"), id="l")), "has not ended"),
    (with_steps(using("secrets")), "name one secret"),
    (with_steps(using("secrets[inputs.name]")), "name one secret"),
    (with_steps(step(mock="{{ secrets.a }}")), "only in the params"),
    (
        with_steps(step("sample_group", id="g", steps=[using("steps.g.output")])),
        "has not ended",
    ),
]


@pytest.mark.parametrize(("document", "words"), BAD)
def test_refuses_names_that_will_not_exist(
    document: dict[str, Any], words: str
) -> None:
    ((_, message),) = errors(document)
    assert words in message


def branches(*lists: list[Any]) -> dict[str, Any]:
    """A parallel block."""
    named = [{"name": f"b{i}", "steps": steps} for i, steps in enumerate(lists)]
    return step("parallel", branches=named)


def test_refuses_the_output_of_a_branch_beside() -> None:
    document = with_steps(branches([step(id="a")], [using("steps.a.output")]))
    ((path, message),) = errors(document)
    assert path == "steps[0].branches[1].steps[0].params.word"
    assert "runs beside" in message


def test_takes_the_output_of_a_branch_afterwards() -> None:
    assert parse(with_steps(branches([step(id="a")]), using("steps.a.output")))


def test_refuses_browser_steps_beside_each_other() -> None:
    inner = step("sample_group", steps=[step("sample_page")])
    found = paths(with_steps(step("sample_page"), branches([inner])))
    assert found == ["steps[1].branches[0].steps[0].steps[0].type"]


def test_a_break_cannot_leave_a_parallel_block() -> None:
    assert paths(with_steps(loop(branches([step("break")])))) == [
        "steps[0].steps[0].branches[0].steps[0].type"
    ]
