"""The OpenAPI document is whole: every endpoint says what it takes and gives."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

_METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The document, made without a single warning."""
    file = Path(tmp_path_factory.mktemp("openapi"), "schema.yml")
    call_command("spectacular", "--validate", "--fail-on-warn", f"--file={file}")
    return yaml.safe_load(file.read_text())


def operations(document: Any) -> list[tuple[str, Any]]:
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]


def test_every_operation_is_described(document: Any) -> None:
    missing = [name for name, one in operations(document) if not one.get("description")]
    assert missing == []


def test_every_good_answer_has_a_shape(document: Any) -> None:
    bare = [
        f"{name} {status}"
        for name, one in operations(document)
        for status, answer in one["responses"].items()
        if status not in ("204", "205") and not answer.get("content")
    ]
    assert bare == []


def test_names_of_operations_differ(document: Any) -> None:
    names = [one["operationId"] for _, one in operations(document)]
    assert len(names) == len(set(names))
    assert not [name for name in names if name.endswith(("_2", "_3"))]


@pytest.mark.django_db
def test_anybody_may_read_it() -> None:
    answer = Client().get("/api/schema")
    assert answer.status_code == 200
    assert b"/api/workflows/{workflow_id}/execute" in answer.content
