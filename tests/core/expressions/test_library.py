from typing import Any

import pytest

from apps.core.expressions import (
    ExpressionError,
    Scope,
    compile_template,
    filters,
    functions,
    reference_markdown,
)
from apps.core.expressions import tests as all_tests

ROWS = "steps.rows.output"
GOOD: list[tuple[str, Any]] = [
    # texts
    ("'straße' | upper", "STRASSE"),
    ("'ABC' | lower", "abc"),
    ("'john o\\'neil SMITH' | title", "John O'neil Smith"),
    ("'hELLO' | capitalize", "Hello"),
    ("'  a ' | trim", "a"),
    ("'xxaxx' | trim('x')", "a"),
    ("'1,234,5' | replace(',', '')", "12345"),
    ("'aaa' | replace('a', 'b', 2)", "bba"),
    ("'a, b' | split(', ')", ["a", "b"]),
    ("' a  b ' | split", ["a", "b"]),
    ("'a-b-c' | split('-', 2)", ["a", "b-c"]),
    ("'a\\nb\\r\\n' | lines", ["a", "b"]),
    ("[1, null, 'x'] | join(', ')", "1, , x"),
    (f"{ROWS} | join('/', attribute='number')", "A1/b2/A3"),
    ("'abcdef' | truncate(4)", "abc…"),
    ("'abc' | truncate(4)", "abc"),
    ("'a\\n\\nb' | indent(2)", "a\n\n  b"),
    ("'a' | indent(2, true)", "  a"),
    ("'a' | center(3)", " a "),
    ("'7' | rjust(3, '0')", "007"),
    ("'7' | ljust(3)", "7  "),
    ("'Crème Brûlée 2!' | slug", "creme-brulee-2"),
    ("'invoice_1.pdf' | endswith('.pdf')", True),
    ("'invoice_1.pdf' | startswith('x')", False),
    ("'a.pdf' | removesuffix('.pdf')", "a"),
    ("'a b c' | wordcount", 3),
    # lists
    ("[3, 1, 2] | first", 3),
    ("[] | first", None),
    ("'abc' | last", "c"),
    ("'abc' | length", 3),
    ("{'a': 1} | count", 1),
    ("[1, 2] | reverse", [2, 1]),
    ("[3, 1.5, 2] | sort", [1.5, 2, 3]),
    ("['b', 'A', 'a'] | sort", ["A", "a", "b"]),
    ("['b', 'A', 'a'] | sort(case_sensitive=true)", ["A", "a", "b"]),
    (f"{ROWS} | sort('total') | map('number')", ["b2", "A1", "A3"]),
    (f"{ROWS} | sort(attribute='number', reverse=true) | map('number')",
     ["b2", "A3", "A1"]),
    ("[1, 1.0, true, '1', 1] | unique", [1, True, "1"]),
    (f"{ROWS} | map('tags.0', default='-')", ["x", "-", "x"]),
    (f"{ROWS}[:2] | selectattr('total', '>', 100) | map('number')", ["A1"]),
    (f"{ROWS} | selectattr('tags') | length", 2),
    (f"{ROWS} | rejectattr('total', 'none') | length", 2),
    (f"{ROWS} | selectattr('tags', 'contains', 'y') | length", 1),
    ("[1, 2, 3] | select('odd')", [1, 3]),
    ("[1, 2, 3] | reject('in', [1])", [2, 3]),
    ("['', 'a', null] | select", ["a"]),
    (f"{ROWS}[:2] | sum('total')", 170.5),
    ("[] | sum", 0),
    ("[2, 3, 1] | max", 3),
    (f"({ROWS}[:2] | min('total')).number", "b2"),
    ("[] | min", None),
    ("[1, [2, [3]]] | flatten", [1, 2, 3]),
    ("[1, [2, [3]]] | flatten(1)", [1, 2, [3]]),
    ("[1, 2, 3] | batch(2, 0)", [[1, 2], [3, 0]]),
    ("[1, 2, 3] | slice(2)", [[1, 2], [3]]),
    ("[1, 2] | union([2, 3])", [1, 2, 3]),
    ("[1, 2] | intersect([2, 3])", [2]),
    ("[1, 2] | difference([2, 3])", [1]),
    ("zip([1, 2], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    # numbers
    ("2.5 | round", 3),
    ("-2.5 | round", -3),
    ("2.675 | round(2)", 2.68),
    ("1234 | round(-2)", 1200),
    ("2.1 | round(0, 'ceil')", 3),
    ("7 | round(2)", 7),
    ("abs(-3)", 3),
    ("max(1, 3, 2)", 3),
    ("min([4, 2])", 2),
    ("range(3)", [0, 1, 2]),
    ("range(5, 1, -2)", [5, 3]),
    ("sqrt(9)", 3.0),
    ("1234567.891 | format_number", "1,234,567.89"),
    ("1234567.891 | format_number(1, '.', ',')", "1.234.567,9"),
    ("-0.4 | format_number(0)", "0"),
    # conversion
    ("'12' | int", 12),
    ("'12.9' | int", 12),
    ("'x' | int(0)", 0),
    ("' 1.5 ' | float", 1.5),
    ("'1e3' | float", 1000.0),
    ("float('x', default=null)", None),
    ("5 | string", "5"),
    ("str([1])", "[1]"),
    ("'Yes' | bool", True),
    ("bool('off')", False),
    ("'ab' | list", ["a", "b"]),
    ("{'a': 1} | tojson", '{"a":1}'),
    ("{'a': 1} | tojson(2)", '{\n  "a": 1\n}'),
    ("'{\"a\": [1, null]}' | fromjson", {"a": [1, None]}),
    ("typeof(1) ~ typeof(true) ~ typeof('')", "numberbooleantext"),
    ("true | ternary('a', 'b')", "a"),
    # mappings
    ("{'a': 1} | keys", ["a"]),
    ("values({'a': 1})", [1]),
    ("{'a': 1} | items", [{"key": "a", "value": 1}]),
    ("{'a': 1} | items | dict", {"a": 1}),
    ("dict([['a', 1]])", {"a": 1}),
    ("{'a': 1, 'b': 1} | combine({'b': 2})", {"a": 1, "b": 2}),
    ("{'a': 1, 'b': 2} | pick('a', 'c')", {"a": 1}),
    ("{'a': 1, 'b': 2} | omit(['a'])", {"b": 2}),
    # encoding
    ("'<a & b>' | escape", "&lt;a &amp; b&gt;"),
    ("'a b/ü' | urlencode", "a%20b%2F%C3%BC"),
    ("{'q': 'a b', 'n': 1} | urlencode", "q=a+b&n=1"),
    ("'a%20b%2F' | urldecode", "a b/"),
    ("'hü' | b64encode", "aMO8"),
    ("'aMO8' | b64decode", "hü"),
    ("'aGk' | b64decode", "hi"),
    ("'a' | md5", "0cc175b9c0f1b6a831c399e269772661"),
    ("'a' | sha256 | length", 64),
    # patterns
    (r"'INV-42' | regex_match('[A-Z]+-\d+')", True),
    (r"'no INV-42' | regex_match('INV')", False),
    (r"'no INV-42' | regex_search('INV-(\d+)')", "INV-42"),
    (r"'no INV-42' | regex_search('INV-(\d+)', 1)", "42"),
    (r"'x' | regex_search('\d')", None),
    (r"'a1b22' | regex_findall('\d+')", ["1", "22"]),
    (r"'a=1;b=2' | regex_findall('(\w)=(\d)')", [["a", "1"], ["b", "2"]]),
    (r"'John Smith' | regex_replace('(\w+) (\w+)', '\\2, \\1')", "Smith, John"),
    (r"'aXbx' | regex_replace('x', '-', ignore_case=true)", "a-b-"),
    (r"'äx' | regex_replace('', '.')", ".ä.x."),
    # queries
    (f"{ROWS} | jmespath('[?total > `100`].number')", ["A1"]),
    (f"{ROWS} | jmespath('[].tags[] | length(@)')", 3),
    (f"{ROWS} | jmespath('sort_by([?total], &total)[0].number')", "b2"),
    (f"{ROWS} | json_query('nope')", None),
    ("[1, true] | jmespath('contains(@, `2`)')", False),
    # dates; the clock stands at 2024-02-29T23:30Z
    ("now()", "2024-02-29T23:30:00Z"),
    ("now('Europe/Berlin')", "2024-03-01T00:30:00+01:00"),
    ("today()", "2024-02-29"),
    ("today('Europe/Berlin')", "2024-03-01"),
    ("'2024-01-31' | date_add(months=1)", "2024-02-29"),
    ("'2024-02-29' | date_add(years=-1, days=1)", "2023-03-01"),
    ("'2024-02-29' | date_add(hours=5)", "2024-02-29T05:00:00Z"),
    ("'2024-03-30T12:00:00+01:00' | date_add(days=1, zone='Europe/Berlin')",
     "2024-03-31T12:00:00+02:00"),
    ("'2024-03-30T02:30:00+01:00' | date_add(days=1, zone='Europe/Berlin')",
     "2024-03-31T03:30:00+02:00"),
    ("date_diff('2024-02-01', '2024-03-01')", 29),
    ("date_diff('2024-02-01', '2024-02-01T12:00:00Z')", 0.5),
    ("date_diff('2024-02-01', '2024-02-02', 'hours')", 24),
    ("'2024-02-29T23:30:00Z' | format_date('%d.%m.%Y %H:%M', 'Europe/Berlin')",
     "01.03.2024 00:30"),
    ("'31.12.2024 08:00' | parse_date('%d.%m.%Y %H:%M', 'Europe/Berlin')",
     "2024-12-31T08:00:00+01:00"),
    ("'2024-12-31 08:00' | parse_date", "2024-12-31T08:00:00Z"),
    ("'1970-01-02' | timestamp", 86_400),
    ("86400.5 | from_timestamp", "1970-01-02T00:00:00.500000Z"),
    ("'2024-02-29' | start_of('month')", "2024-02-01"),
    ("'2024-02-29T23:30:00Z' | start_of('week')", "2024-02-26T00:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), GOOD)
def test_gives_the_value(scope: Scope, expression: str, value: Any) -> None:
    result = compile_template("{{ " + expression + " }}").render(scope)
    assert result == value
    assert type(result) is type(value)


BAD = [
    ("[1, 'a'] | sort", "numbers only or texts only"),
    (f"{ROWS} | map('nope')", "an item (a mapping) has no nope"),
    ("'x' | int", "cannot make a number of 'x'"),
    ("'maybe' | bool", "cannot tell"),
    ("'{' | fromjson", "fromjson:"),
    ("'!!' | b64decode", "no base64"),
    ("'/w==' | b64decode", "no text in UTF-8"),
    ("'yesterday' | format_date", "no ISO 8601 date"),
    ("'2024-01-01' | format_date('%Q')", "no code %Q"),
    ("'31.12.' | parse_date('%d.%m.%Y')", "does not fit"),
    ("now('Mars/Base')", "no time zone 'Mars/Base'"),
    ("'9999-12-31' | date_add(days=1)", "out of reach"),
    ("'2024-01-01' | date_add(days=1.5)", "needs a whole number"),
    ("date_diff('2024-01-01', '2024-01-02', 'months')", "the unit is one of"),
    ("[1] | select('oddly')", "there is no test oddly; did you mean odd?"),
    ("[1] | select('gt')", "needs a value to compare with"),
    ("randint(2, 1)", "must not be the larger"),
    ("choice([])", "needs a list with items"),
    ("'a' | regex_replace('a', '\\\\3')", "no group 3"),
    ("1 | jmespath('nope(@)')", "jmespath"),
    ("[1] | jmespath('sum(@) ~')", "jmespath"),
    ("'a' | rjust(5, 'ab')", "one character"),
    ("[1, 2] | join(3)", "join needs a text"),
]


@pytest.mark.parametrize(("expression", "message"), BAD)
def test_says_what_is_wrong(scope: Scope, expression: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template("{{ " + expression + " }}").render(scope)
    assert message in str(caught.value)


@pytest.mark.parametrize("expression", ["uuid()", "random()", "randint(1, 1000000)"])
def test_chance_repeats_with_its_source(make_scope: Any, expression: str) -> None:
    template = compile_template("{{ " + expression + " }}")
    first, again = make_scope(), make_scope()
    values = [template.render(first), template.render(first)]
    assert values == [template.render(again), template.render(again)]
    assert values[0] != values[1]


def test_every_entry_has_a_name_a_signature_and_a_description() -> None:
    for entry in [*functions(), *filters(), *all_tests()]:
        assert entry.name
        assert entry.signature.startswith("(")
        assert entry.description.endswith((".", ")"))
        assert "MISSING" not in entry.signature


def test_the_reference_shows_every_entry() -> None:
    text = reference_markdown()
    assert "| `value \\| truncate(length=255, end='…')` |" in text
    assert all(f"| {entry.name}" in text for entry in filters())
    assert all(f"`{entry.name}(" in text for entry in functions())
    assert all(f"value is {entry.name}" in text for entry in all_tests())
