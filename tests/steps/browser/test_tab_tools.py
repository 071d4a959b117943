"""A look at a page past the driver: the same facts, and never a wait without end."""

import threading
import time

import pytest

from apps.steps.browser.checkpoints import MOST_STORED
from apps.steps.browser.failures import BrowserTimeout

BUSY = "for (;;);"


@pytest.fixture
def page(browser, site):
    script = "document.cookie = 'kept=yes'; localStorage.setItem('a', 'b')"
    browser.goto(site.add("/looked-at", f"<script>{script}</script>"))
    return browser


def test_it_sees_what_the_driver_sees(page):
    seen = page.glance("({url: location.href, stored: localStorage.getItem('a')})")
    assert seen.value == {"url": page.state()["url"], "stored": "b"}
    assert seen.cookies == page.loan.dialect.cookies(page)
    kept = next(one for one in seen.cookies if one["name"] == "kept")
    assert "expires" not in kept


def test_a_checkpoint_is_the_same_with_and_without_it(page, monkeypatch):
    quick = page.checkpoint()
    monkeypatch.setattr(page, "glance", lambda expression: None)
    assert page.checkpoint() == quick
    assert quick["storage"]
    assert quick["cookies"]


@pytest.mark.parametrize("expression", ["throw 1", "no such ( expression", "window"])
def test_what_gives_no_value_is_left_to_the_driver(page, expression):
    assert page.glance(expression) is None
    assert page.glance("1").value == 1


def test_each_tab_is_seen_as_itself_and_a_closed_one_not_at_all(page, site):
    first = page.tab
    assert page.glance("document.title").value == "Page /looked-at"
    second = page.open_tab()
    page.goto(site.add("/second", ""))
    assert page.glance("document.title").value == "Page /second"
    page.close_tab(second)
    tools = page.loan.tools
    assert tools.look(second, "1", 10) is None
    page.enter_tab(first)
    assert page.glance("location.pathname").value == "/looked-at"


def test_a_tab_that_closes_while_it_is_asked_lets_nobody_wait(page):
    first = page.tab
    tab = page.open_tab()
    page.enter_tab(first)
    page.glance("1")
    tools = page.loan.tools
    assert tools.look(tab, "1", 10).value == 1
    threading.Timer(0.5, page.close_tab, [tab]).start()
    began = time.monotonic()
    assert tools.look(tab, BUSY, 60) is None
    assert time.monotonic() - began < 30


def test_a_page_that_does_not_answer_is_left(page, site):
    page.glance("1")
    with page.limited_to(1), pytest.raises(BrowserTimeout):
        page.glance(BUSY)
    assert page.glance("1") is None
    page.goto(site.add("/after", ""))
    assert page.glance("document.title").value == "Page /after"


def test_more_storage_than_is_kept_is_left_out(page):
    page.glance(f"localStorage.setItem('large', 'x'.repeat({MOST_STORED}))")
    assert page.checkpoint()["storage"] == {}
