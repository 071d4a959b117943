"""Outputs: bounded, and such that PostgreSQL takes them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.executions.engine import outputs
from apps.executions.engine.outputs import OutputNotJson, OutputTooLarge

LIMIT = 1_000


def encode(value):
    return outputs.encode(value, limit_bytes=LIMIT)


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "äöü 😀", [], {}, {"a": [1, {"b": None}]}]
)
def test_plain_values_stay_as_they_are(value):
    kept, text = encode(value)
    assert kept is value
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("a\0b", "a�b"),
        ("\ud800", "�"),
        ("x\udfffy", "x�y"),
        ({"k\0": ["\0"]}, {"k�": ["�"]}),
        ("\ud83d\ude00", "😀"),
        ("\\u0000", "\\u0000"),
    ],
)
def test_what_postgres_cannot_store_is_replaced(given_, kept):
    value, text = encode(given_)
    assert value == kept
    assert json.loads(text.encode().decode()) == kept


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, b"x", object(), {(1, 2): 3}, [10**5000]],
    ids=["nan", "inf", "set", "bytes", "object", "key", "digits"],
)
def test_what_is_no_json_is_refused(value):
    with pytest.raises(OutputNotJson):
        encode(value)


def test_nesting_without_end_is_refused():
    value: list = []
    value.append(value)
    with pytest.raises(OutputNotJson):
        encode(value)


def test_the_limit_counts_bytes_and_says_what_to_do():
    assert encode("x" * (LIMIT - 2))
    with pytest.raises(OutputTooLarge, match="write_file"):
        encode("ä" * (LIMIT // 2))


def test_texts_make_an_object():
    text = outputs.object_of({'"x': '{"a":1}', "y": '"z"'})
    assert json.loads(text) == {'"x': {"a": 1}, "y": "z"}
    assert outputs.object_of({}) == "{}"


def test_results_that_do_not_fit_are_left_out_and_said_so():
    text = outputs.fit({"a": "x" * 600, "b": "y" * 600, "c": 1}, limit_bytes=LIMIT)
    found = json.loads(text)
    assert found == {"a": "x" * 600, "b": {"left_out": True, "bytes": 602}, "c": 1}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False).filter(lambda number: abs(number) != float("inf"))
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json_value_is_stored_and_read_back_the_same(value):
    kept, text = outputs.encode(value, limit_bytes=10**6)
    assert outputs.unpack(outputs.pack(text)) == kept
    assert "\\u0000" not in text or "\\\\u0000" in text
