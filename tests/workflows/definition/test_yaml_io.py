"""Export and import: a round trip changes nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows.definition.parser import parse
from apps.workflows.definition.yaml_io import Format, export, read
from tests.workflows.documents import OVERDUE, step, with_steps, yaml

# Half a surrogate pair and NUL are refused on the way in.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@pytest.mark.parametrize("format_", ["yaml", "json"])
@given(value=VALUES)
def test_any_value_comes_back_the_same(format_: Format, value: Any) -> None:
    document = {"steps": [{"params": value}]}
    again, _ = read(export(document, format_), format_)
    assert again == document
    assert export(again, format_) == export(document, format_)


@pytest.mark.parametrize(
    "text",
    ["on", "02:30", "1e3", "0x1F", "null", " a", "a\n", "a: b", "# a", "é\u2028"],
)
def test_texts_stay_texts(text: str) -> None:
    document = with_steps(step(params={"word": text}))
    assert read(export(document, "yaml"), "yaml")[0] == document


def test_keeps_the_order_of_keys() -> None:
    document = parse(yaml(OVERDUE)).document
    again, _ = read(export(document, "yaml"), "yaml")
    assert list(again) == list(document)
    assert list(again["steps"][0]) == list(document["steps"][0])


def test_writes_long_texts_as_blocks() -> None:
    text = export(with_steps(step(params={"word": "one\ntwo\n"})), "yaml")
    assert "word: |\n" in text
