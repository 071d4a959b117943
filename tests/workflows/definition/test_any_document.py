"""Whatever is sent, the answer is a definition or a list of mistakes."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import Invalid
from apps.steps import registry
from apps.workflows.definition.compare import compare
from apps.workflows.definition.fields import DocumentFields
from apps.workflows.definition.outline import STEP_KEYS
from apps.workflows.definition.parser import parse
from apps.workflows.definition.problems import keys_of
from tests.workflows import sample_steps as sample_steps

BLOCK_KEYS = ("steps", "then", "else", "over", "times", "while", "as", "cases", "when")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["{{ steps.a.output }}", "{{ inputs", "{{ loop.index }}", "{%"])
    | st.sampled_from([kind.name for kind in registry.all_types()])
)
KEYS = st.sampled_from([*STEP_KEYS, *BLOCK_KEYS, *keys_of(DocumentFields)]) | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6)
    ),
    max_leaves=12,
)
STEPS = st.fixed_dictionaries(
    {"type": st.sampled_from([kind.name for kind in registry.all_types()])},
    optional=dict.fromkeys(sorted({*STEP_KEYS, *BLOCK_KEYS} - {"type"}), VALUES),
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6) | st.fixed_dictionaries(
    {"steps": st.lists(STEPS, max_size=4)},
    optional=dict.fromkeys(sorted({*keys_of(DocumentFields)} - {"steps"}), VALUES),
)


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS)
def test_any_document_parses_or_is_refused_with_paths(document: Any) -> None:
    try:
        definition = parse(document)
    except Invalid as error:
        assert error.errors  # noqa: PT017  # either outcome is right
        assert all(e["message"] for e in error.errors)  # noqa: PT017
    else:
        again = parse(definition.document)
        assert again.document == definition.document
        assert compare(definition.document, again.document) == []
