from typing import Any

import pytest

from apps.core.expressions import (
    ExpressionError,
    Scope,
    UndefinedName,
    compile_value,
    value_errors,
)

PARAMS = {
    "url": "{{ variables.base_url }}/invoices?c={{ inputs.customer }}",
    "headers": {"X": "1", "{{ key }}": "kept"},
    "query": ["a", "{{ inputs.count }}", {"deep": ["{{ steps.rows.output }}"]}],
    "timeout": 3,
}


def test_renders_every_text_inside(scope: Scope) -> None:
    result = compile_value(PARAMS).render(scope)
    assert result["url"] == "https://example.com/invoices?c=Acme"
    assert result["headers"] == {"X": "1", "{{ key }}": "kept"}
    assert result["query"][:2] == ["a", 3]
    assert len(result["query"][2]["deep"][0]) == 3
    assert list(result) == list(PARAMS)


def test_leaves_the_source_as_it_is(scope: Scope) -> None:
    value = {"a": ["{{ inputs.count }}"]}
    assert compile_value(value).render(scope) == {"a": [3]}
    assert value == {"a": ["{{ inputs.count }}"]}


def test_collects_what_is_looked_up() -> None:
    compiled = compile_value({"a": PARAMS, "b": "{{ x | default(1) }}"})
    assert ("steps", "rows", "output") in compiled.references
    assert ("x",) in compiled.references
    assert ("x",) not in compiled.required


@pytest.mark.parametrize(
    "value", [None, 1, "text", "}}", [], {}, {"a": [1, {"b": "c"}]}, [["x"]]]
)
def test_a_value_without_expressions_is_handed_on_itself(
    scope: Scope, value: Any
) -> None:
    compiled = compile_value(value)
    assert compiled.is_static
    assert compiled.render(scope) is value


def test_an_error_while_rendering_names_its_place(scope: Scope) -> None:
    compiled = compile_value({"a": [1, {"b": "x\n{{ inputs.nope }}"}]})
    with pytest.raises(UndefinedName) as caught:
        compiled.render(scope)
    assert caught.value.path == ("a", 1, "b")
    assert (caught.value.line, caught.value.column) == (2, 4)


def test_an_error_while_compiling_names_its_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_value({"a": [1, {"b": "{{ 1 + }}"}]})
    assert caught.value.path == ("a", 1, "b")


def test_finds_every_text_that_cannot_be_read() -> None:
    errors = value_errors({"a": "{{ 1 + }}", "b": ["{% x %}", "{{ ok }}", "{{ }}"]})
    assert [error.path for error in errors] == [("a",), ("b", 0), ("b", 2)]
    assert all(error.source and error.line == 1 for error in errors)


def test_refuses_a_value_that_is_nested_too_deeply() -> None:
    value: Any = "{{ 1 }}"
    for _ in range(5000):
        value = [value]
    with pytest.raises(ExpressionError, match="nested too deeply"):
        compile_value(value)
