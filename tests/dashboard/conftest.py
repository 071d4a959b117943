"""Browsers without a screen, signed in by session as the fixed cast."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import html

from tests.executions.engine.conftest import child
from tests.fixtures_cast import Person

__all__ = ["child"]  # a fixture, for pages about what a worker has parked


class Page:
    """An answer, read as a person would."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status_code
        self.response = response
        self.tree = html.fromstring(response.content) if response.content else None

    @property
    def text(self) -> str:
        assert self.tree is not None
        return " ".join(self.tree.text_content().split())

    def all(self, selector: str) -> list[html.HtmlElement]:
        assert self.tree is not None
        return self.tree.cssselect(selector)

    def buttons(self) -> list[str]:
        return [" ".join(one.text_content().split()) for one in self.all("main button")]


class Visitor:
    """Signed in by the session cookie, as browsers are."""

    def __init__(self, person: Person | None = None) -> None:
        self.client = Client()
        if person is not None:
            self.client.force_login(person.user)

    def get(self, path: str, **headers: str) -> Page:
        return Page(self.client.get(path, headers=headers or None))

    def part(self, path: str, name: str) -> Page:
        """What htmx gets for one element."""
        return self.get(path, hx_request="true", hx_target=name)

    def post(self, path: str, **data: str) -> Page:
        return Page(self.client.post(path, data))


@pytest.fixture
def visit(db: None) -> Callable[[Person | None], Visitor]:
    """Makes a visitor; nobody without a person."""
    return Visitor


@pytest.fixture
def owner(alice: Person) -> Visitor:
    return Visitor(alice)


@pytest.fixture
def looker(bob: Person) -> Visitor:
    """May look, not run."""
    return Visitor(bob)


@pytest.fixture
def stranger(carol: Person) -> Visitor:
    return Visitor(carol)


@pytest.fixture
def nobody(db: None) -> Visitor:
    return Visitor()
