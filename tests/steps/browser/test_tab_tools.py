"""Looks and clicks past the driver: the same facts, and never a wait without end."""

import threading
import time

import pytest
from selenium.common.exceptions import (
    StaleElementReferenceException,
    WebDriverException,
)

from apps.steps.browser.checkpoints import MOST_STORED
from apps.steps.browser.failures import BrowserTimeout
from apps.steps.browser.quick_click import click_quickly
from tests.fixtures_engine import wait_for

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
    with page.limited_to(1), pytest.raises(BrowserTimeout) as caught:
        page.glance(BUSY)
    assert "Runtime.evaluate" in str(caught.value.__cause__)
    assert page.glance("1") is None
    page.goto(site.add("/after", ""))
    assert page.glance("document.title").value == "Page /after"


def test_more_storage_than_is_kept_is_left_out(page):
    page.glance(f"localStorage.setItem('large', 'x'.repeat({MOST_STORED}))")
    assert page.checkpoint()["storage"] == {}


# --- clicks ------------------------------------------------------------------------

_NOTES = """
<button id="b">Go</button><script>
window.noted = [];
for (const name of ["mousemove", "mousedown", "mouseup", "click"]) {
  addEventListener(name, ({ buttons, button, detail, isTrusted }) =>
    noted.push([name, button, buttons, detail, isTrusted]));
}
</script>
"""


_CLOSES = "<button id='b' onclick='window.close()'>Go</button>"


def reached(browser):
    return browser.wait_for("#b", 10, "reaching.reach", "actionable", None)


def test_a_click_is_what_a_mouse_makes_of_it(browser, site):
    site.show(_NOTES)
    click_quickly(browser, reached(browser))
    assert browser.glance("noted").value == [
        ["mousemove", 0, 0, 0, True],
        ["mousedown", 0, 1, 1, True],
        ["mouseup", 0, 0, 1, True],
        ["click", 0, 0, 1, True],
    ]


def test_it_goes_past_the_driver_and_its_own_way_to_click(browser, site, monkeypatch):
    site.show(_NOTES)
    found = reached(browser)
    with monkeypatch.context() as patch:
        patch.setattr(browser.loan.bidi, "call", None)
        click_quickly(browser, found)
    assert [one[0] for one in browser.glance("noted").value][-1] == "click"


@pytest.mark.parametrize("change", ["b.remove()", "b.hidden = true", "document.open()"])
def test_what_went_away_in_the_last_moment_is_not_clicked(browser, site, change):
    site.show(_NOTES)
    found = reached(browser)
    browser.glance(f"{change}; 1")
    with pytest.raises(WebDriverException):
        click_quickly(browser, found)
    assert not browser.glance("window.noted || []").value


_ODD = {
    "moved": ("<button id=b>Go</button>", "b.style.marginLeft = '500px'; 1"),
    "zoomed": ("<button id=b style='margin: 90px; zoom: 2.5'>Go</button>", "1"),
    "turned": (
        "<button id=b style='margin: 9em; rotate: 33deg'>Go there</button>",
        "1",
    ),
    "drawn": ("<svg><circle id=b cx=50 cy=50 r=9 /></svg>", "1"),
    "of two lines": (f"<p>{'word ' * 60}<a id=b href='#'>{'more ' * 60}</a>", "1"),
    "scrolled": (
        "<div style='height: 90px; overflow: auto'><p style='height: 900px'>"
        "<button id=b>Go</button></div>",
        "1",
    ),
    "half out of view": ("<div id=b style='width: 3000px'>Go</div>", "1"),
}


@pytest.mark.parametrize("kind", _ODD)
def test_odd_elements_are_hit(browser, site, kind):
    body, change = _ODD[kind]
    site.show(f"{body}<script>b.onclick = () => {{ window.hit = 1 }}</script>")
    found = reached(browser)
    browser.glance(change)
    click_quickly(browser, found)
    assert browser.glance("window.hit").value == 1


def test_an_element_of_the_page_before_is_not_clicked(browser, site):
    site.show(_NOTES)
    found = reached(browser)
    site.show(_NOTES)
    with pytest.raises(StaleElementReferenceException):
        click_quickly(browser, found)
    assert browser.glance("noted").value == []


def test_a_click_that_closes_its_own_tab_is_over_at_once(browser, site):
    first, url = browser.tab, site.add("/closes", _CLOSES)
    site.show(f"<button id='b' onclick=\"window.open('{url}')\">Go</button>")
    click_quickly(browser, reached(browser))
    wait_for(lambda: len(browser.tabs) == 2)
    browser.enter_tab(browser.tabs[1])
    began = time.monotonic()
    click_quickly(browser, reached(browser))
    assert time.monotonic() - began < 10
    browser.enter_tab(first)
    wait_for(lambda: browser.tabs == [first])
