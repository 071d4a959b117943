"""A person's first day: sign in, write a workflow, watch it fail, put it right."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.dashboard.browsing import (
    all_of,
    complaints,
    connection,
    find,
    resize,
    settled,
    sign_in,
    until,
)
from tests.dashboard.conftest import browser, shared_site, site
from tests.http_server import Answer, HttpServer, Request, running

__all__ = ["browser", "shared_site", "site"]  # fixtures
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

ORDER = """<!doctype html><title>Order</title><h1>Order</h1>
<form method=post action=/sent><label>Name <input name=name></label>
<button>Send the order</button></form>"""
SENT = "<!doctype html><title>Sent</title><h1>Thank you</h1>"
WORKFLOW = """\
name: First order
inputs:
  button: {type: string, default: Buy}
steps:
  - id: open
    name: Open the shop
    type: navigate
    params: {url: "%s"}
  - id: name
    type: type
    params: {target: label=Name, text: Ann}
  - id: send
    name: Send it
    type: click
    params: {target: "text={{ inputs.button }}", timeout: 1s}
  - id: said
    type: extract_text
    params: {target: h1}
"""


class Shop:
    """A site that shows its first page when the test lets it."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.is_open = threading.Event()
        server.answers_with("/order", self._order)
        server.answers("/sent", 200, SENT, {"Content-Type": "text/html"})

    def _order(self, request: Request) -> Answer:
        self.is_open.wait(60)
        return Answer(200, ORDER.encode(), [("Content-Type", "text/html")])

    def visits(self, path: str) -> int:
        return sum(one.path == path for one in self.server.requests)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running() as server:
        made = Shop(server)
        yield made
        made.is_open.set()


@pytest.fixture
def day(engine, alice, site, browser, beat, start_worker, shop) -> Iterator[Any]:
    """The whole stack: web, beat and a worker that may reach the shop."""
    start_worker(
        "--concurrency", "1", WORKER_GRACE="2", EGRESS_ALLOW=shop.server.address
    )
    resize(browser, 1280)
    yield browser
    browser.get("data:,")
    complaints(browser)


def test_from_signing_in_to_a_retry_that_is_done(day, alice, site, shop):
    sign_in(day, site.url, alice.email)
    create_from_yaml(day, site.url, WORKFLOW % shop.server.url("/order"))
    run(day)
    failed = day.current_url
    watch_it_fail(day, shop)
    look_at_its_screenshot(day)
    retry_with(day, "Send the order")
    until(day, lambda: day.current_url != failed)
    stays = unloaded(day)
    until(day, lambda: find(day, "h1 .chip").text == "completed")
    until(day, lambda: "Thank you" in find(day, "#values").text)
    assert stays()
    assert "2 steps reused" in find(day, "main").text.replace("\n", " ")
    assert shop.visits("/sent") == 1
    assert complaints(day) == []


def unloaded(browser) -> Callable[[], bool]:
    """Whether the page is still the very one that it is now."""
    browser.execute_script("window.isTheSame = true")
    return lambda: bool(browser.execute_script("return window.isTheSame"))


def create_from_yaml(browser, url: str, text: str) -> None:
    """Write a workflow in the editor, as by pasting it."""
    browser.get(f"{url}/workflows")
    browser.find_element(By.LINK_TEXT, "New workflow").click()
    settled(browser)
    find(browser, "#definition").send_keys(Keys.CONTROL, "a")
    browser.execute_cdp_cmd("Input.insertText", {"text": text})
    until(browser, lambda: find(browser, "#problems-count").text == "No mistakes")
    find(browser, "[data-action=save]").click()
    until(browser, lambda: browser.current_url.endswith("/edit"))
    assert complaints(browser) == []


def run(browser) -> None:
    settled(browser)
    find(browser, "[data-action=run]").click()
    find(browser, "#run-workflow[open] .btn.primary").click()
    until(browser, lambda: "/executions/" in browser.current_url)


def watch_it_fail(browser, shop: Shop) -> None:
    """See a step run, and what became of it, on one and the same page."""
    stays = unloaded(browser)
    until(browser, lambda: connection(browser) == "live")
    find(browser, "#step-open .mark.running")
    assert find(browser, "h1 .chip").text == "running"
    shop.is_open.set()
    until(browser, lambda: find(browser, "h1 .chip").text == "failed")
    assert all_of(browser, "#step-open .mark.completed")
    assert all_of(browser, "#step-send .mark.failed")
    assert stays()
    assert "Send it failed" in find(browser, "[role=alert]").text


def look_at_its_screenshot(browser) -> None:
    picture = find(browser, ".artifacts img.shot")
    browser.execute_script("arguments[0].scrollIntoView()", picture)
    until(browser, lambda: picture.get_property("naturalWidth") > 600)
    assert complaints(browser) == []


def retry_with(browser, button: str) -> None:
    """From the step that failed, with another input."""
    find(browser, "[data-retry]").click()
    preview = find(browser, "#retry-preview")
    until(browser, lambda: "Reuses 2 recorded steps" in preview.text)
    find(browser, "#retry [name=edit]").click()
    field = find(browser, "#retry-input-button")
    field.clear()
    field.send_keys(button)
    find(browser, "#retry .btn.primary").click()
