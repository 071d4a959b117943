"""Documents that the tests share, and short ways to look at what is wrong with one."""

from typing import Any

import pytest

from apps.core.errors import Invalid
from apps.core.yaml_documents import load_yaml
from apps.workflows.definition.parser import parse
from tests.workflows import sample_steps as sample_steps

OVERDUE = """
schema: 1
name: Overdue invoices
inputs: {customer: {type: string, required: true}}
variables: {limit: 100}
settings: {timeout: 5m, concurrency: {limit: 1, key: "{{ inputs.customer }}"}}
steps:
  - id: rows
    type: set_variable
    params: {name: rows, value: [{total: "150.5"}, {total: "20"}]}
    retry: {max_attempts: 3, delay: 2s, backoff: 2}
    timeout: 30s
  - type: loop
    over: "{{ variables.rows }}"
    as: row
    steps:
      - type: condition
        if: "{{ row.total | float > variables.limit }}"
        then: [{type: delay, params: {seconds: "{{ loop.index }}"}}]
        else: [{type: continue}]
on_failure:
  - {type: set_variable, params: {name: why, value: "{{ error.message }}"}}
finally: [{type: delay, params: {seconds: 0}}]
"""


def yaml(text: str) -> Any:
    """The value of a YAML text."""
    return load_yaml(text)[0]


def with_steps(*steps: Any, **more: Any) -> dict[str, Any]:
    """A document with these steps."""
    return {"schema": 1, "name": "Test", **more, "steps": list(steps)}


def step(type_: str = "sample_step", **keys: Any) -> dict[str, Any]:
    """One step; what is no common key is a parameter."""
    return {"type": type_, **keys}


def errors(document: Any) -> list[tuple[str, str]]:
    """Path and message of every mistake in a document; it must have some."""
    with pytest.raises(Invalid) as caught:
        parse(document)
    return [(str(e["path"]), str(e["message"])) for e in caught.value.errors]


def paths(document: Any) -> list[str]:
    """Paths of every mistake in a document; it must have some."""
    return [path for path, _ in errors(document)]
