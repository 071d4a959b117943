"""Fixtures with a local HTTP server."""

from collections.abc import Iterator

import pytest

from tests.http_server import HttpServer, running


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    """A fresh HTTP server on 127.0.0.1 that records what it is asked."""
    with running() as server:
        yield server
