import contextlib
import json
import random
import resource
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.expressions import (
    ExpressionError,
    Scope,
    compile_expression,
    compile_template,
    compile_value,
    filters,
    functions,
)

MIB = 1024 * 1024

# Each must end with an ExpressionError, at once and without much memory.
HOSTILE = [
    # Ways to Python
    "{{ ''.__class__.__mro__ }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ x|attr('__class__') }}",
    "{{ ''|attr('__class__') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner }}",
    "{{ namespace(a=1) }}",
    "{{ self.__dict__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ inputs.__class__ }}",
    "{{ inputs['__class__'] }}",
    "{{ inputs.items() }}",
    "{{ ''.join(['a']) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '%s'|format(1) }}",
    "{{ [1]|map('upper')|list }}",
    "{{ now.__call__ }}",
    "{{ (lambda: 1)() }}",
    "{{ max(1)(2) }}",
    "{{ 'a'|upper()() }}",
    "{{ open('/etc/passwd') }}",
    "{{ __import__('os') }}",
    "{{ eval('1') }}",
    # Statements
    "{% for x in range(9) %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% … %}",
    "{%- macro a() -%}",
    # Size
    "{{ 'x' * 10**9 }}",
    '{{ "A"*1000000000 }}',
    '{{ ("A"*1000000000)|length }}',
    "{{ 1000000000 * 'x' }}",
    "{{ 'x' * 1000000 * 1000000 }}",
    "{{ 'x' * 10**300 }}",
    '{{ "%1000000000d" % 1 }}',
    '{{ "%1000000000d"|format(1) }}',
    "{{ range(10**9) }}",
    "{{ range(10**300) }}",
    "{{ range(0, 9, 0) }}",
    "{{ lipsum(n=100000) }}",
    "{{ 'a'|indent(1000000000) }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'|ljust(1000000000) }}",
    "{{ [1]|slice(10000000) }}",
    "{{ [1]|batch(10000000, 0) }}",
    "{{ [0] * 10**9 }}",
    "{{ [[0] * 10000] * 10000 }}",
    "{{ [[[[0] * 100] * 100] * 100] * 100 }}",
    "{{ 10**10**8 }}",
    "{{ 10 ** (10 ** 8) }}",
    "{{ 9**9**9 }}",
    "{{ 2 ** 1025 }}",
    "{{ 2 ** 1000 * 2 ** 1000 }}",
    "{{ 1e308 * 10 }}",
    "{{ 2.0 ** 5000 }}",
    "{{ 2 ** 1023 + 2 ** 1023 * 1.0 }}",
    "{{ 10 ** 308 / 0.001 }}",
    "{{ 1e400 }}",
    "{{ 'inf' | float }}",
    "{{ 'nan' | float }}",
    "{{ ('9' * 5000) | int }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ ('a' * 1000)|replace('a', 'b' * 100000) }}",
    "{{ ('a' * 1000)|replace('', 'b' * 100000) }}",
    "{{ (['a' * 1000] * 5000)|join }}",
    "{{ ([1] * 10000)|join('x' * 1000) }}",
    "{{ ('a' * 10000)|regex_replace('a', 'b' * 4000) }}",
    "{{ ('a' * 1000000)|regex_replace('(a+)', '\\\\1\\\\1\\\\1') }}",
    "{{ ('a' * 1000000)|regex_replace('a', 'b') }}",
    "{{ a" + "[b]" * 5000 + " }}",
    "{{ (a|first)" + "[0]" * 5000 + " }}",
    "{{ (('a,' * 500000)|split(','))|length }}",
    "{{ 'x' * 1000000 }}{{ 'x' * 1000000 }}",
    "{{ 'x' * 600000 ~ 'x' * 600000 }}",
    "{{ [" + "'x' * 1000000, " * 500 + "] }}",
    "{{ [" + "['x' * 1000000, 'y' * 1000000], " * 200 + "] }}",
    "{{ max(" + "'x' * 1000000, " * 500 + ") }}",
    "{{ " + " ~ ".join(["big"] * 2000) + " }}",
    "{{ " + " ~ ".join(["big"] * 10) + " }}",
    "{{ big | tojson(1000) }}",
    "{{ ('ä' * 600000) }}",
    "{{ ('[' * 500000)|fromjson }}",
    "{{ ('[' * 90000 ~ ']' * 90000)|fromjson }}",
    "{{ ('[' ~ '0,' * 400000 ~ '0]')|fromjson }}",
    "{{ '[NaN]'|fromjson }}",
    "{{ '[1e400]'|fromjson }}",
    "{{ '\"\\\\ud800\"'|fromjson }}",
    "{{ '\\ud800' }}",
    "{{ '\\0' ~ '\\x00' }}",
    "{{ 1.5 | round(10**9) }}",
    "{{ 5 | round(-1000000000) }}",
    "{{ 5 | format_number(1000000000) }}",
    "{{ date_add('2024-01-01', years=10**9) }}",
    "{{ date_add('2024-01-01', days=10**300) }}",
    "{{ format_date('2024-01-01', '%c' * 100) }}",
    "{{ now('../../etc/passwd') }}",
    "{{ now('America') }}",
    # Patterns and queries
    "{{ 'a' | regex_match('(a{1000}){1000}') }}",
    "{{ 'a' | regex_match('(') }}",
    "{{ 'a' | regex_match('a' * 600) }}",
    "{{ 'a' | regex_match('(?=a)') }}",
    "{{ 'a' | regex_search('a', 7) }}",
    "{{ [0] | jmespath('" + "[@,@][]|" * 30 + "@') }}",
    "{{ [0] | jmespath('" + "[@,@]|" * 24 + "to_string(@)') }}",
    "{{ [0] | jmespath('" + "[@,@]|" * 24 + "@') }}",
    "{{ ('a' * 1000) | jmespath('" + "join(@,[@,@])|" * 12 + "@') }}",
    "{{ 1 | jmespath('" + "(" * 300 + "') }}",
    "{{ 1 | jmespath('" + "!" * 300 + "@') }}",
    "{{ 1 | jmespath('a[') }}",
    # Nesting and shape
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "{'a':" * 1000 + "1" + "}" * 1000 + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{{ " + "-" * 8000 + "1 }}",
    "{{ " + "+ - " * 3000 + "1 }}",
    "{{ a" + ".a" * 8000 + " }}",
    "{{ a" + ".a" * 10_000 + " }}",
    "{{ a" + "[0]" * 4000 + " }}",
    "{{ a" + "[a" * 4000 + "]" * 4000 + " }}",
    "{{ " + "1 if 0 else " * 1000 + "1 }}",
    "{{ 1 " + "if 1 " * 1000 + "}}",
    "{{ " + "max(" * 1000 + ")" * 1000 + " }}",
    "{{ f" + "()" * 3000 + " }}",
    "{{ " + "1 - " * 4000 + "'a' }}",
    "{{ 1" + " ** 1" * 2000 + " }}",
    "{{ 1" + " is not divisibleby(3)" * 700 + " }}",
    "{{ x" + " | default(1)" * 1000 + " | nope }}",
    "{{ " + "a or " * 3000 + "b }}",
    "{{ (((not 1 or 2 and 3 < (4 + 5 ~ 6 * 7 ** (" * 12
    + "8"
    + ")))))" * 12
    + "+ 'a' }}",
    "{{ 1 }}" * 10_000,
    "{{ 1 }}" * 65,
    "x" * 17_000 + "{{ 1 }}",
    "ä" * 9000 + "{{ 1 }}",
    # Braces
    "{{",
    "{{ a",
    "{{{{",
    "{{ {{ 1 }} }}",
    "{{ a }",
    "{{}}",
    "{{ \ud800 }}",
    "{{ inputs[99999999999] }}",
    "{{ [1][99999999999] }}",
    "{{ [1][10**300] }}",
    "{{ [1]['0'] }}",
    "{{ [1][true] }}",
    "{{ [1][1.0] }}",
    "{{ [1, 2][::0] }}",
    "{{ [1]['a':] }}",
]


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def hostile_scope() -> Scope:
    names = {"inputs": {"a": 1}, "a": {}, "big": ["x" * 1000] * 1000}
    return Scope(names, entropy=lambda: random.Random(1))


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:60])
def test_ends_with_an_error_and_little_memory(source: str) -> None:
    scope = hostile_scope()
    before = peak_memory()
    with pytest.raises(ExpressionError) as caught:
        compile_template.__wrapped__(source).render(scope)
    assert peak_memory() - before < 64 * MIB
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ [1, 2, 3][-1] }}", 3),
        ("{{ 1" + " + 1" * 3000 + " }}", 3001),
        ("{{ '" + "' ~ '" * 2000 + "x' }}", "x"),
        ("{{ 'a'" + " | upper | lower" * 800 + " }}", "a"),
        ("{{ " + "(" * 30 + "1" + ")" * 30 + " }}", 1),
        ("{{ " + "not " * 30 + "1 }}", True),
        ("{{ range(10000) | length }}", 10_000),
        ("{{ ('a' * 50000) | regex_match('(a+)+$') }}", True),
        ("{{ ('a' * 50000 ~ 'b') | regex_match('(a+)+$') }}", False),
        ("{{ 1 }}" * 64, "1" * 64),
        ("{{ 2 ** 1023 }}", 2**1023),
    ],
    ids=lambda case: str(case)[:40],
)
def test_takes_what_is_large_but_allowed(source: str, value: Any) -> None:
    assert compile_template(source).render(hostile_scope()) == value


def test_counts_each_evaluation_on_its_own() -> None:
    scope = hostile_scope()
    small = compile_template("{{ ('x' * 900000)[0] }}")
    assert {small.render(scope) for _ in range(100)} == {"x"}


def _attempt(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except ExpressionError as error:
        return error


def test_a_rendered_value_is_never_rendered_again() -> None:
    scope = Scope({"a": "{{ b }}", "b": "{{ c }}", "c": "secret"})
    assert compile_template("{{ a }}").render(scope) == "{{ b }}"
    assert compile_template("<{{ a ~ b }}>").render(scope) == "<{{ b }}{{ c }}>"


_ALPHABET = st.sampled_from(
    [*"abc09.()[]{}|~+-*/%<>=!,:'\"\\ \n", "{{", "}}", "{%", " if ", " else ", " not "]
    + [" in ", " is ", "range", "|join(", "|default(", "defined", "**", "a.b", "10**"]
    + [f"|{entry.name}" for entry in filters()]
    + [f"{entry.name}(" for entry in functions()]
)


def _nothing_but_expression_errors(call: Any, source: str) -> None:
    with contextlib.suppress(ExpressionError):
        call(source).render(hostile_scope())


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_value_or_an_expression_error(text: str) -> None:
    _nothing_but_expression_errors(compile_template, text)
    _nothing_but_expression_errors(compile_template, "{{" + text + "}}")
    _nothing_but_expression_errors(compile_expression, text)


@given(st.lists(_ALPHABET, max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_mixture_of_tokens_gives_a_value_or_an_expression_error(text: str) -> None:
    _nothing_but_expression_errors(compile_template, "{{ " + text + " }}")
    _nothing_but_expression_errors(compile_expression, text)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
@settings(max_examples=300, deadline=None)
def test_a_json_literal_alone_gives_its_value(value: Any) -> None:
    literal = "{{ " + json.dumps(value) + " }}"
    assert compile_template(literal).render(hostile_scope()) == value


_ARGUMENTS = st.lists(_JSON, max_size=3)


@given(st.sampled_from([*filters()]), _JSON, _ARGUMENTS)
@settings(max_examples=800, deadline=None)
def test_any_filter_takes_any_arguments(
    entry: Any, value: Any, given: list[Any]
) -> None:
    scope = Scope({"value": value, "given": given})
    arguments = ", ".join(f"given[{index}]" for index in range(len(given)))
    source = f"{{{{ value | {entry.name}({arguments}) }}}}"
    with contextlib.suppress(ExpressionError):
        compile_template(source).render(scope)


@given(st.sampled_from([*functions()]), _ARGUMENTS)
@settings(max_examples=400, deadline=None)
def test_any_function_takes_any_arguments(entry: Any, given: list[Any]) -> None:
    arguments = ", ".join(f"given[{index}]" for index in range(len(given)))
    with contextlib.suppress(ExpressionError):
        compile_template(f"{{{{ {entry.name}({arguments}) }}}}").render(
            Scope({"given": given})
        )


@given(_JSON)
@settings(max_examples=200, deadline=None)
def test_any_value_without_expressions_stays_the_same_object(value: Any) -> None:
    compiled = _attempt(compile_value, value)
    if not isinstance(compiled, ExpressionError) and compiled.is_static:
        assert compiled.render(hostile_scope()) is value
