"""The browser that a process keeps warm: lent, given back, replaced."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from apps.core.errors import TemporaryFailure
from apps.steps.browser import host as hosts
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.chromium.processes import remove_orphans
from apps.steps.browser.local import FOLDER
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_browser import running_host
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.browser

ABOUT = """<meta name=viewport content="width=device-width"><script>document.title = [
  new Date(0).getHours(), navigator.language, innerWidth, devicePixelRatio,
  navigator.userAgent].join()</script>"""


def folder_of(host):
    return host.usual._browser.engine.folder


def test_the_next_context_is_ready_before_it_is_needed(site):
    with running_host() as host:
        BrowserSession(host).close()
        with BrowserSession(host) as first:
            first.state()
        wait_for(lambda: host.usual._browser.spare, what="a spare context")
        spare, browser = host.usual._browser.spare, host.usual._browser
        with BrowserSession(host) as second:
            second.goto(site.add("/page", "x"))
            assert second.loan.context is spare
            assert host.usual._browser is browser


def test_a_browser_that_served_long_enough_is_replaced():
    with running_host(BrowserOptions(most_contexts=2), keeps_warm=False) as host:
        folders = []
        for _ in range(4):
            with BrowserSession(host) as session:
                session.state()
                folders.append(folder_of(host))
    assert len(set(folders)) == 2
    assert not any(folder.exists() for folder in folders)


def test_a_browser_that_holds_too_much_memory_is_replaced():
    with running_host(BrowserOptions(most_memory_bytes=1), keeps_warm=False) as host:
        with BrowserSession(host) as session:
            session.state()
        assert not host.is_running


def test_an_idle_browser_is_closed(monkeypatch):
    monkeypatch.setattr(hosts, "IDLE_CLOSE_S", 0.5)
    with running_host() as host:
        with BrowserSession(host) as session:
            session.state()
        wait_for(lambda: host.is_running)
        wait_for(lambda: not host.is_running, what="it is closed")


def test_a_browser_that_died_while_idle_costs_nothing_but_time():
    with running_host(keeps_warm=False) as host:
        with BrowserSession(host) as session:
            session.state()
        host.usual._browser.engine._started["browser"].kill()
        time.sleep(0.2)
        with BrowserSession(host) as session:
            assert session.state()["url"] == "about:blank"


def test_a_host_that_was_stopped_lends_nothing():
    with running_host() as host:
        host.stop()
        with pytest.raises(TemporaryFailure) as caught:
            BrowserSession(host).state()
    assert caught.value.code == "browser_closed"


def test_folders_of_processes_that_are_gone_are_removed():
    gone = os.spawnv(os.P_NOWAIT, "/bin/true", ["true"])
    os.waitpid(gone, 0)
    folder = Path(tempfile.gettempdir())
    left, ours = (
        folder / f"rpa-browser-{gone}-x",
        folder / f"rpa-browser-{os.getpid()}-y",
    )
    left.mkdir()
    ours.mkdir()
    remove_orphans(FOLDER)
    assert not left.exists()
    assert ours.exists()
    ours.rmdir()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [None, "en-US", "1280", "1"]),
        ({"width": 800, "height": 600}, [None, None, "800", "1"]),
        ({"timezone": "Asia/Tokyo"}, ["9", None, None, None]),
        ({"locale": "de-CH"}, [None, "de-CH", None, None]),
        ({"device": "iphone"}, [None, None, "390", "3", "iPhone"]),
        ({"device": "ipad", "width": 700}, [None, None, "700", "2", "iPad"]),
        ({"user_agent": "Robot/1"}, [None, None, None, None, "Robot/1"]),
    ],
)
def test_pages_see_what_the_workflow_chose(host, site, settings, expected):
    with BrowserSession(host, BrowserSettings(**settings)) as session:
        title = session.goto(site.add("/about", ABOUT))["title"]
    for wanted, seen in zip(expected, title.split(",", 4), strict=False):
        assert wanted is None or wanted in seen


@pytest.mark.parametrize(("device", "points"), [("iphone", "5"), ("desktop", "0")])
def test_a_telephone_has_touch(host, site, device, points):
    script = "<script>document.title = navigator.maxTouchPoints</script>"
    with BrowserSession(host, BrowserSettings(device=device)) as session:
        assert session.goto(site.add("/touch", script))["title"] == points


def test_every_tab_of_a_telephone_is_one(host, site, run_step, step_ctx):
    ask = "return [navigator.maxTouchPoints, innerWidth, matchMedia('(hover)').matches]"
    meta = "<meta name=viewport content='width=device-width'>"
    first = site.add("/first", f"{meta}<a href=/second target=_blank>Open</a>")
    site.add("/second", f"{meta}second")
    expected = [5, 390, False]
    with BrowserSession(host, BrowserSettings(device="iphone")) as session:
        session.goto(first)
        for step in ("click", "switch_tab"):
            params = {"target": "a"} if step == "click" else {}
            run_step(step, params, step_ctx(browser=session))
        assert session.state()["title"] == "Page /second"
        assert session.driver.execute_script(ask) == expected
        kept = session.checkpoint()
        session.open_new_tab()
        session.goto(first)
        assert session.driver.execute_script(ask) == expected
    with BrowserSession(host, BrowserSettings(device="iphone")) as session:
        session.restore(kept)
        assert session.driver.execute_script(ask) == expected


def test_what_one_chose_the_next_does_not_have(host, site):
    chosen = BrowserSettings(timezone="Asia/Tokyo", user_agent="Robot/1", width=500)
    url = site.add("/about", ABOUT)
    with BrowserSession(host, chosen) as session:
        assert "Robot/1" in session.goto(url)["title"]
    with BrowserSession(host) as session:
        title = session.goto(url)["title"]
    assert "Robot/1" not in title
    assert ",1280," in title


def test_headers_are_sent_with_every_request(host, site):
    chosen = BrowserSettings(headers={"X-Team": "robots"})
    with BrowserSession(host, chosen) as session:
        session.goto(site.add("/page", "<img src=/picture>"))
        wait_for(lambda: len(site.server.requests) >= 2)
    assert {one.headers["X-Team"] for one in site.server.requests[:2]} == {"robots"}


def test_pages_learn_the_place_that_was_chosen(host, site):
    here = {"latitude": 47.5, "longitude": 8.25}
    script = (
        "navigator.geolocation.getCurrentPosition(({coords}) => "
        "{ document.title = [coords.latitude, coords.longitude].join() }, "
        "(error) => { document.title = error.message })"
    )
    url = site.add("/place", f"<title>?</title><script>{script}</script>")
    with BrowserSession(host, BrowserSettings(geolocation=here)) as session:
        session.goto(url)
        assert session.poll(lambda: session.state()["title"] == "47.5,8.25" or None, 10)
