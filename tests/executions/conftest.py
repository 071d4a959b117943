"""Fixtures for retries."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.executions.local import run_here
from apps.executions.models import Execution
from tests.executions.calling import Caller
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

Retry = Callable[..., Any]


@pytest.fixture
def retry(alice: Person) -> Retry:
    """Posts a retry."""

    def post(execution: Execution, body: Any = None, **more: Any) -> Any:
        url = f"/api/executions/{execution.id}/retry"
        return alice.client.post(url, more if body is None else body)

    return post


@pytest.fixture
def rerun(engine: Engine, retry: Retry) -> Callable[..., Execution]:
    """Retries, and runs the new execution to its end."""

    def run(execution: Execution, **body: Any) -> Execution:
        answer = retry(execution, body)
        assert answer.status_code == 202, answer.content
        with engine.scope():
            again = Execution.objects.get(id=answer.json()["id"])
        run_here(again)
        return engine.now(again)

    return run


@pytest.fixture
def repair(alice: Person) -> Callable[[str], None]:
    """Puts the file there that `reads` misses."""

    def put_file(step_id: str) -> None:
        alice.client.generic("PUT", f"/api/files/{step_id}.in", b"now")

    return put_file


@pytest.fixture
def caller(engine: Engine) -> Iterator[Caller]:
    """Calls workflows' own URLs."""
    made = Caller(engine)
    yield made
    made.close()
