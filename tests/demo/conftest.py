"""A reader of the site's pages that goes by label, as robots do."""

from collections.abc import Mapping

import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import html

from apps.demo.people import person


class Form:
    """A served round: its hidden values and its fields by label."""

    def __init__(self, response: HttpResponse) -> None:
        self.path = response.request["PATH_INFO"]
        self.form = html.fromstring(response.content).forms[0]
        self.hidden = {
            field.name: field.value
            for field in self.form.inputs
            if getattr(field, "type", "") == "hidden"
        }
        self.names = {
            label.text: label.get("for") for label in self.form.findall(".//label")
        }

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        return self.hidden | {self.names[key]: value for key, value in values.items()}


class Visitor:
    """A browser without a screen: starts, fills and submits rounds."""

    def __init__(self) -> None:
        self.client = Client()

    def start(self) -> "Visitor":
        self.client.post("/demo/challenge/start")
        return self

    def form(self, number: int) -> Form:
        return Form(self.client.get(f"/demo/challenge/rounds/{number}"))

    def submit(self, number: int, **changes: str) -> HttpResponse:
        form = self.form(number)
        values = person(number) | {
            key.replace("_", " ").capitalize(): value for key, value in changes.items()
        }
        return self.client.post(form.path, form.filled(values))


@pytest.fixture(autouse=True)
def _demo_site(settings):
    settings.ROOT_URLCONF = "tests.demo.urls"


@pytest.fixture
def visitor(db):
    return Visitor().start()


@pytest.fixture
def visitors(db):
    return Visitor().start(), Visitor().start()
