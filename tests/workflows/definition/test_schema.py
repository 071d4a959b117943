"""The JSON Schema of definitions and step types."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.steps import registry
from apps.workflows.definition.schema import definition_schema, step_type_schema
from tests.workflows.documents import OVERDUE, step, with_steps, yaml


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    definition_schema.cache_clear()
    schema = definition_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_takes_a_whole_workflow(validator: Draft202012Validator) -> None:
    assert [e.message for e in validator.iter_errors(yaml(OVERDUE))] == []


@pytest.mark.parametrize(
    "document",
    [
        with_steps(step("no_such_type")),
        with_steps(step(parms={})),
        with_steps(step(params={"count": "x"})),
        with_steps(step("loop", steps=[step("no_such_type")], times=1)),
        with_steps(step(), nme="x"),
    ],
)
def test_refuses_what_the_parser_refuses(
    validator: Draft202012Validator, document: Any
) -> None:
    assert not validator.is_valid(document)


def test_lets_an_expression_stand_for_any_param() -> None:
    kind = registry.find("sample_step")
    assert kind is not None
    validator = Draft202012Validator(step_type_schema(kind))
    assert validator.is_valid({"count": "{{ 1 }}", "many": [1, "{{ 2 }}"]})
    assert not validator.is_valid({"count": "1"})
    assert not validator.is_valid({"many": [1, "2"]})


def test_some_params_take_no_expression() -> None:
    kind = registry.find("database_query")
    assert kind is not None
    validator = Draft202012Validator(step_type_schema(kind))
    url = "{{ secrets.database }}"
    assert validator.is_valid({"url": url, "query": "SELECT 1"})
    assert not validator.is_valid({"url": url, "query": "SELECT {{ inputs.x }}"})


def test_every_step_type_has_a_schema() -> None:
    for kind in registry.all_types():
        Draft202012Validator.check_schema(step_type_schema(kind))


def test_gives_defaults_as_documents_have_them() -> None:
    retry = definition_schema()["$defs"]["RetryFields"]["properties"]
    assert retry["max_delay"]["default"] == 3600
