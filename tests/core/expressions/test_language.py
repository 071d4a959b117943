import pickle
from typing import Any

import pytest

from apps.core.expressions import (
    ExpressionError,
    Scope,
    UndefinedName,
    compile_expression,
    compile_template,
    contains_expression,
    truth,
    undefined_roots,
)
from tests.core.expressions.conftest import OneByOne

GOOD: list[tuple[str, Any]] = [
    ("plain", "plain"),
    ("", ""),
    ("{{ inputs.customer }}", "Acme"),
    ("{{inputs.count}}", 3),
    ("  {{ inputs.count }}\n", 3),
    ("n={{ inputs.count }}!", "n=3!"),
    ("[{{ inputs.nothing }}]", "[]"),
    ("{{ inputs.nothing }}", None),
    ("{{ null }}", None),
    ("on: {{ variables.on }}", "on: true"),
    ("{{ 1 }}{{ 2.0 }}", "12.0"),
    ("{{ 1e22 }} ", 1e22),
    ("<{{ 1e22 }}>", "<1e+22>"),
    ("<{{ [1, {'a': 'ü'}, null] }}>", '<[1,{"a":"ü"},null]>'),
    ("{{ steps.rows.output[0].total }}", 150.5),
    ("{{ steps.rows.output[-1].number }}", "A3"),
    ("{{ steps['rows']['output'][0]['number'] }}", "A1"),
    ("{{ steps.rows.output.0.number }}", "A1"),
    ("{{ steps.rows.output[1:][0].number }}", "b2"),
    ("{{ inputs.customer[:2] }}", "Ac"),
    ("{{ inputs.customer[0] }}", "A"),
    ("{{ steps.rows.output[inputs.count - 1].number }}", "A3"),
    ("{{ inputs['cust' ~ 'omer'] }}", "Acme"),
    ("{{ {'items': 1, 'keys': 2}.items }}", 1),
    ("{{ 1 + 2 * 3 - 4 }}", 3),
    ("{{ 7 / 2 }}", 3.5),
    ("{{ 7 // 2 }}", 3),
    ("{{ -7 % 3 }}", 2),
    ("{{ 2 ** 10 }}", 1024),
    ("{{ -(1 + 2) }}", -3),
    ("{{ 'a' ~ 1 ~ null ~ true }}", "a1true"),
    ("{{ 'a' + 'b' }}", "ab"),
    ("{{ [1] + [2] }}", [1, 2]),
    ("{{ 'ab' * 2 }}", "abab"),
    ("{{ 2 * [0] }}", [0, 0]),
    ("{{ 1 < 2 <= 2 }}", True),
    ("{{ 'a' < 'b' }}", True),
    ("{{ 1 == 1.0 }}", True),
    ("{{ 1 == true }}", False),
    ("{{ 'x' in steps.rows.output[0].tags }}", True),
    ("{{ true in [1] }}", False),
    ("{{ 'me' in inputs.customer }}", True),
    ("{{ 'customer' not in inputs }}", False),
    ("{{ inputs.empty or 'none' }}", "none"),
    ("{{ inputs.count and 'some' }}", "some"),
    ("{{ not inputs.empty }}", True),
    ("{{ 'a' if inputs.count > 2 else 'b' }}", "a"),
    ("{{ (1, 2) }}", [1, 2]),
    ("{{ missing | default('x') }}", "x"),
    ("{{ inputs.missing.deep[3] | default }}", ""),
    ("{{ inputs[missing2 | d('customer')] | default('x') }}", "Acme"),
    ("{{ (steps.rows.output | first).nope | default('x') }}", "x"),
    ("{{ steps.page.output.text | default('x') }}", "x"),
    ("{{ inputs.nothing | default('x') }}", None),
    ("{{ inputs.nothing | default('x', true) }}", "x"),
    ("{{ inputs.missing is defined }}", False),
    ("{{ inputs.count is defined and inputs.count is odd }}", True),
    ("{{ inputs.missing is undefined }}", True),
    ("{{ inputs.nothing is none }}", True),
    ("{{ inputs.nothing is not none }}", False),
    ("{{ 6 is divisibleby 3 }}", True),
    ("{{ 'a' is in ['a'] }}", True),
    ("{{ [] is list and {} is mapping and 'a' is string and 1 is number }}", True),
    ("{{ '{{' }} and {{ '}}' }}", "{{ and }}"),
    ("{{ '{%' }}", "{%"),
    ('{"a": {"b": 1}} {{ 1 }}', '{"a": {"b": 1}} 1'),
    ("{# no comment #}", "{# no comment #}"),
    ("${{ inputs.count }}", "$3"),
    ("#{inputs.count}", "#{inputs.count}"),
    ("https://x/?q={%22a%22:1}", "https://x/?q={%22a%22:1}"),
    (r"C:\out\{{ inputs.customer }}", r"C:\out\Acme"),
    (r"{{ '\d+\n\u00e9' }}", "\\d+\né"),
    ("a\r\n{{ 1 }}\r\nb", "a\r\n1\r\nb"),
    ("{{ 1\r\n + 1 }}", 2),
    ("{{ second }}", "{{ secrets.token }}"),
    ("<{{ second }}>", "<{{ secrets.token }}>"),
    ("{{ secrets.token }}", "s3cret-value"),
    ("{{ secrets['token'] }}", "s3cret-value"),
    ("{{ secrets.token is defined }}", True),
    ("{{ secrets.other is defined }}", False),
    ("{{ secrets is defined }}", True),
]


@pytest.mark.parametrize(("source", "value"), GOOD)
def test_gives_the_value(scope: Scope, source: str, value: Any) -> None:
    result = compile_template(source).render(scope)
    assert result == value
    assert type(result) is type(value)


BAD: list[tuple[str, str]] = [
    ("{{ inputs.custmer }}", "inputs.custmer is not defined; did you mean inputs.cust"),
    ("{{ input.customer }}", "input is not defined (in input.customer); did you mean"),
    ("{{ customer }}", "customer is not defined; did you mean inputs.customer?"),
    ("{{ steps.page.output.text }}", "steps.page.output is null, so steps.page.output"),
    ("{{ inputs.nothing.a.b }}", "inputs.nothing is null"),
    ("{{ steps.rows.output[3] }}", "steps.rows.output has 3 items"),
    ("{{ steps.rows.output.number }}", "write steps.rows.output[0].number"),
    ("{{ inputs.count.x }}", "inputs.count is a number"),
    ("{{ inputs[0] }}", "its keys are texts"),
    ("{{ steps.rows.output[inputs.nope] }}", "inputs.nope is not defined"),
    ("{{ inputs['cust' ~ 'mer'] }}", "did you mean inputs.customer?"),
    ("{{ 'a' + 1 }}", "~ joins any values as text"),
    ("{{ 'a' - 1 }}", "- needs two numbers"),
    ("{{ true + 1 }}", "+ cannot add"),
    ("{{ 1 < 'a' }}", "< cannot compare a number with a text"),
    ("{{ 1 / 0 }}", "division by zero"),
    ("{{ 1 % 0 }}", "division by zero"),
    ("{{ 0 ** -1 }}", "division by zero"),
    ("{{ (-8) ** 0.5 }}", "not whole"),
    ("{{ 1 in 5 }}", "in needs a list"),
    ("{{ 5 | upper }}", "upper needs a text, not a number"),
    ("{{ 'a' | uper }}", "there is no filter uper; did you mean upper?"),
    ("{{ rang(3) }}", "there is no function rang; did you mean range or"),
    ("{{ 1 is oddly }}", "there is no test oddly; did you mean odd?"),
    ("{{ 'a' | replace('b') }}", "missing a required argument: 'new'"),
    ("{{ 'a' | upper(1) }}", "too many positional arguments"),
    ("{{ 'a' | truncate(size=1) }}", "unexpected keyword argument 'size'"),
    ("{{ inputs.customer.upper() }}", "values have no methods"),
    ("{{ max(*[1]) }}", "*list and **mapping are not available"),
    ("{{ 1 if true }}", "needs its else"),
    ("{% if a %}x{% endif %}", "statements ({% … %}) are not available"),
    ("{{ 1 }}{%- set x = 1 %}", "statements"),
    ("{{- inputs.count }}", "{{- is not available"),
    ("{{ inputs.count -}}", "-}} is not available"),
    ("{{ }}", "the expression is empty"),
    ("{{ 'a }}", "not closed by its quotation mark"),
    ("{{ a b }}", "unexpected 'b'"),
    ("{{ (1 }}", "the brackets do not match"),
    ("{{ (1] }}", "expected ')'"),
    ("{{ a $ b }}", "unexpected character '$'"),
    ("{{ 1, 2 }}", "unexpected ','"),
    ("{{ {1: 2} }}", "the keys of a mapping are texts"),
    ("{{ secrets }}", "secrets can only be used one by one: secrets.NAME"),
    ("x {{ secrets }}", "secrets can only be used one by one"),
    ("{{ secrets | tojson }}", "secrets can only be used one by one"),
    ("{{ [secrets] }}", "secrets can only be used one by one"),
    ("{{ secrets | default('x') }}", "this value can only be used one by one"),
    ("{{ (secrets | d('x')).token }}", "this value can only be used one by one"),
    ("{{ {'a': secrets.token} | int }}", "cannot make a number of a mapping"),
    ("{{ 'token' in secrets }}", "secrets can only be used one by one"),
    ("{{ secrets | default({}) | length }}", "this value can only be used one by one"),
    ("{{ secrets.* }}", "expected"),
    ("{{ secrets.tokn }}", "secrets.tokn is not defined"),
    ("{{ env.DJANGO_SECRET_KEY }}", "env is not defined"),
]


@pytest.mark.parametrize(("source", "message"), BAD)
def test_says_what_is_wrong(scope: Scope, source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template(source).render(scope)
    assert message in str(caught.value)
    assert caught.value.source == source


def test_never_lists_what_is_given_one_by_one(scope: Scope, secrets: OneByOne) -> None:
    compile_template("a {{ secrets.token }}").render(scope)
    assert secrets.asked == ["token"]


def test_says_where_it_is_wrong(scope: Scope) -> None:
    template = compile_template("first\nsecond {{ inputs.count }} {{ 1 + inputs.x }}")
    with pytest.raises(UndefinedName) as caught:
        template.render(scope)
    assert (caught.value.line, caught.value.column) == (2, 34)


def test_says_where_it_cannot_be_read() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template("a\nb {{ 1 +* 2 }}")
    assert (caught.value.line, caught.value.column) == (2, 9)


def test_an_error_survives_pickling(scope: Scope) -> None:
    with pytest.raises(UndefinedName) as caught:
        compile_template("{{ nope }}").render(scope)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.line, again.code) == (
        str(caught.value),
        1,
        "undefined_name",
    )


@pytest.mark.parametrize(
    ("source", "references", "required"),
    [
        ("plain", set(), set()),
        (
            "{{ steps.rows.output[0].total }} {{ secrets.token }}",
            {("steps", "rows", "output"), ("secrets", "token")},
            {("steps", "rows", "output"), ("secrets", "token")},
        ),
        ("{{ a.b | default(c) }}", {("a", "b"), ("c",)}, {("c",)}),
        ("{{ a[b.c].d }}", {("a",), ("b", "c")}, {("a",), ("b", "c")}),
        ("{{ now() if a is defined else 1 }}", {("a",)}, set()),
    ],
)
def test_knows_what_is_looked_up(source: str, references: Any, required: Any) -> None:
    template = compile_template(source)
    assert (template.references, template.required) == (references, required)


def test_names_roots_that_nobody_defines() -> None:
    template = compile_template("{{ inputs.a }} {{ imputs.b }}")
    assert undefined_roots(template.references, ["inputs", "steps"]) == {"imputs"}


@pytest.mark.parametrize(
    "source",
    ["inputs.count > 2", "{{ inputs.count > 2 }}", " {{inputs.count>2}} ", "{'a': {}}"],
)
def test_conditions_need_no_braces(scope: Scope, source: str) -> None:
    assert truth(compile_expression(source).render(scope)) is True


@pytest.mark.parametrize(
    "source", ["", "  ", "{{ a }} and {{ b }}", "a }}", "a) ", "(a", "{% if %}", "{{ a"]
)
def test_refuses_conditions_that_are_no_expression(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(source)


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}])
def test_what_is_empty_is_false(value: Any) -> None:
    assert truth(value) is False


@pytest.mark.parametrize("value", [True, 1, "false", [0], {"a": 0}])
def test_everything_else_is_true(value: Any) -> None:
    assert truth(value) is True


def test_recognizes_texts_with_expressions() -> None:
    texts = ["a {{ b }}", "{% x %}", "{{", "}}", "{#", "{%20}", "plain"]
    found = [contains_expression(text) for text in texts]
    assert found == [True, True, True, False, False, False, False]


def test_inner_names_hide_outer_ones(scope: Scope) -> None:
    inner = scope.child({"inputs": 1}).child({"loop": {"index": 0}})
    template = compile_template("{{ inputs }} {{ loop.index }} {{ variables.ratio }}")
    assert template.render(inner) == "1 0 0.5"
    assert set(inner.names) >= {"inputs", "loop", "steps"}


def test_hands_on_a_value_without_copying_it(scope: Scope) -> None:
    output = compile_template("{{ steps.rows.output }}").render(scope)
    assert output is scope.frames[0]["steps"]["rows"]["output"]
