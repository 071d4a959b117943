"""Reading JSON and YAML from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.documents import check_depth, load_json
from apps.core.errors import Invalid
from apps.core.yaml_documents import dump_yaml, load_yaml


def refused(load, text):
    with pytest.raises(Invalid) as caught:
        load(text)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 65 + "]" * 65,
        "9" * 5_000,
        "-" + "9" * 1_001,
        "1e400",
        "-1e999999999",
        "NaN",
        "[Infinity]",
        '{"a": 1, "a": 2}',
        '"a\\u0000b"',
        '{"\\ud800": 1}',
        '"\\ud800"',
        "\ufeff{}",
        "",
        "{",
        '{"a": [}',
        "nope",
        "[1,]",
        '"\x00"',
        "[{}," * 400_000,
        "{}," * 1_100_000,
    ],
    ids=lambda text: text[:12].encode("unicode_escape").decode(),
)
def test_json_that_we_cannot_hold_is_refused(text):
    assert refused(load_json, text).errors


def test_what_looks_like_trouble_inside_texts_is_fine():
    text = '["[[[{{{", "\\\\u0000", "\\ud83d\\ude00", "a\\"[", "\\\\"]'
    value, _ = load_json("[" * 63 + text + "]" * 63)
    while len(value) == 1:
        value = value[0]
    assert value == ["[[[{{{", "\\u0000", "😀", 'a"[', "\\"]


@given(st.integers(1, 80), st.sampled_from(["[]", "{}"]))
def test_depth_is_counted_exactly(depth, pair):
    name = '"a":' if pair == "{}" else ""
    text = (pair[0] + name) * (depth - 1) + pair + pair[1] * (depth - 1)
    if depth > 64:
        refused(lambda t: check_depth(t, 64), text)
    else:
        check_depth(text, 64)


def test_json_marks_say_where_values_stand():
    _, marks = load_json('{"a": [1, {"b c": 2}],\n  "x": {"y": "é\\n"}}')
    assert marks[("a", 1, "b c")] == (1, 19)
    assert marks[("x", "y")] == (2, 14)
    assert marks[()] == (1, 1)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab:#-'\n ~1"), inner),
    max_leaves=20,
)


@given(json_values)
def test_what_is_dumped_as_yaml_is_read_back(value):
    assert load_yaml(dump_yaml(value))[0] == value


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "on", "02:30", "007", "1_000", "2020-01-01", "0o17", "NO", "="),
        *("1e3.", "0x", "a\nb\n", " a\nb", "a\r\nb", "\x85x", "x\u2028", "\n", "<<"),
    ],
)
def test_yaml_texts_stay_texts(text):
    assert load_yaml(dump_yaml({text: text}))[0] == {text: text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("yes", "yes"), ("02:30", "02:30"), ("007", "007"), ("2020-01-01",) * 2),
        *(("1e3", 1000.0), ("-5", -5), ("0x1F", 31), ("~", None), ("true", True)),
        *((".5", 0.5), ("1.", 1.0), ('"5"', "5"), ("'true'", "true")),
    ],
)
def test_plain_yaml_means_what_it_looks_like(text, value):
    assert load_yaml(text)[0] == value


def test_anchors_repeat_a_value_without_sharing_it():
    value, _ = load_yaml("a: &x [1, {b: 2}]\nc: *x\n")
    value["a"][1]["b"] = 3
    assert value["c"] == [1, {"b": 2}]


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(10), "more than 500000 values"),
        ("a: &x [*x]", "holds itself"),
        ("a: *x", "not known"),
        ("a: !!python/object:os.system 1", "Tags"),
        ("!x {a: 1}", "Tags"),
        ("a: 1\na: 2", "twice"),
        ("<<: {a: 1}", "Merge keys"),
        ("? [a]\n: 1", "must be a text"),
        ("--- a\n--- b", "more than one document"),
        ("", "empty"),
        ("a: [", "not YAML"),
        ("\t- a", "not YAML"),
        ("a: .inf", "not a JSON value"),
        ("a: 1e400", "too large"),
        ("a: " + "9" * 5_000, "digits"),
        ('a: "\\0"', "NUL"),
        ("a: \x00", "not YAML"),
        ("[" * 100_000, "deeper"),
        ("- " * 2_000, "deeper"),
        ("a: &a " + "[" * 150 + "]" * 150 + "\nb: " + "[" * 60 + "*a", "deeper"),
    ],
    ids=lambda text: text[:16].encode("unicode_escape").decode(),
)
def test_yaml_that_we_cannot_hold_is_refused(text, message):
    error = refused(load_yaml, text)
    assert message in str(error.errors[0]["message"])


def test_yaml_errors_name_line_and_column():
    error = refused(load_yaml, "a: 1\nsteps:\n  - x: !t 2\n").errors[0]
    assert error == {
        "path": "steps[0].x",
        "message": "Tags are not supported.",
        "line": 3,
        "column": 8,
    }


def test_yaml_marks_say_where_values_stand():
    _, marks = load_yaml("a: 1\nsteps:\n  - x: 2\n    y: [3]\n")
    assert marks[("steps", 0)] == (3, 5)
    assert marks[("steps", 0, "y", 0)] == (4, 9)
