import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.core.expressions import Scope


class OneByOne(Mapping[str, Any]):
    """Secrets as the engine supplies them: each is resolved when it is asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_by_name = values
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.asked.append(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("must never be listed")

    def __len__(self) -> int:
        raise AssertionError("must never be counted")


NAMES: dict[str, Any] = {
    "inputs": {"customer": "Acme", "count": 3, "empty": "", "nothing": None},
    "variables": {"base_url": "https://example.com", "ratio": 0.5, "on": True},
    "steps": {
        "rows": {
            "output": [
                {"number": "A1", "total": 150.5, "tags": ["x", "y"]},
                {"number": "b2", "total": 20, "tags": []},
                {"number": "A3", "total": None, "tags": ["x"]},
            ]
        },
        "page": {"output": None},
    },
    "second": "{{ secrets.token }}",
}


@pytest.fixture
def secrets() -> OneByOne:
    return OneByOne({"token": "s3cret-value"})


@pytest.fixture
def make_scope(secrets: OneByOne) -> Callable[[], Scope]:
    def make() -> Scope:
        chance = random.Random(7)
        return Scope(
            {**NAMES, "secrets": secrets},
            clock=lambda: datetime(2024, 2, 29, 23, 30, tzinfo=UTC),
            entropy=lambda: chance,
        )

    return make


@pytest.fixture
def scope(make_scope: Callable[[], Scope]) -> Scope:
    return make_scope()
