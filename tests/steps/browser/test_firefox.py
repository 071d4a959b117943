"""Firefox in place of Chromium: `settings.browser.engine: firefox`."""

import shutil
import socket
import subprocess
from contextlib import ExitStack

import psutil
import pytest

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.errors import PermanentFailure, RpaError
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.printing import PrintOptions, print_html, print_open_page
from apps.steps.browser.remote.place import read_place
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_engine import wait_for
from tests.http_server import running

HERE = any(map(shutil.which, ("firefox", "firefox-esr")))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (HERE and shutil.which("geckodriver")),
        reason="Firefox or geckodriver is not installed",
    ),
]

FIREFOX = BrowserSettings(engine="firefox")
HTML = {"Content-Type": "text/html; charset=utf-8"}
FORM = """<!doctype html><title>Form</title><form method=post action=/sent>
<label>Name <input name=name></label><input type=file id=file>
<button>Send</button></form><a href=/file>Export</a>"""
ABOUT = """<!doctype html><title>?</title><script>document.title = [
  new Date(0).getHours(), navigator.language, innerWidth, navigator.userAgent,
  typeof RTCPeerConnection].join()</script>"""


@pytest.fixture(scope="module")
def shop():
    with running() as server:
        server.answers("/form", 200, FORM, HTML)
        server.answers("/sent", 200, "<!doctype html><h1>Thank you</h1>", HTML)
        server.answers("/about", 200, ABOUT, HTML)
        attached = {"Content-Disposition": "attachment; filename=o.csv"}
        server.answers("/file", 200, "a,b", attached)
        yield server


@pytest.fixture(scope="module")
def guarded(shop):
    """A host whose browsers reach the shop alone."""
    with ExitStack() as stack:
        proxy = stack.enter_context(EgressProxy(Policy((shop.address,))))
        host = BrowserHost(BrowserOptions(), proxy_address=proxy.start())
        stack.callback(host.stop)
        yield host


@pytest.fixture
def session(guarded):
    with BrowserSession(guarded, FIREFOX) as session:
        yield session


@pytest.fixture
def step(session, run_step, step_ctx):
    ctx = step_ctx(browser=session)

    def run(name, **params):
        return run_step(name, params, ctx)

    run.files = ctx.files
    return run


def test_fills_a_form_and_goes_on_to_the_next_page(step, shop):
    page = step("navigate", url=shop.url("/form"))
    assert (page["title"], page["status"]) == ("Form", 200)
    step("type", target="label=Name", text="Ann")
    step("click", target="text=Send")
    assert step("extract_text", target="h1") == "Thank you"
    sent = [one.text for one in shop.requests if one.path == "/sent"]
    assert sent == ["name=Ann"]
    assert step("go_back")["title"] == "Form"
    assert step("reload")["status"] == 200


def test_the_next_execution_finds_nothing(guarded, shop):
    with BrowserSession(guarded, FIREFOX) as first:
        first.goto(shop.url("/form"))
        first.driver.execute_script("document.cookie = 'a=1'; localStorage.a = 1")
        state = first.checkpoint()
        browser = first.loan.browser
    with BrowserSession(guarded, FIREFOX) as second:
        second.goto(shop.url("/form"))
        assert second.loan.browser is browser
        assert second.loan.dialect.cookies(second) == []
        assert second.driver.execute_script("return localStorage.length") == 0
        # But a takeover does.
        second.restore(state)
        script = "return [document.cookie, localStorage.a]"
        assert second.driver.execute_script(script) == ["a=1", "1"]


def test_all_traffic_takes_our_proxy(session, shop):
    with running() as other:
        session.goto(shop.url("/form"))
        for url in (other.url("/"), other.url("/").replace("http:", "https:")):
            with pytest.raises(PermanentFailure) as caught:
                session.goto(url)
            assert caught.value.code == "egress_refused"
        session.goto(shop.url("/form"))
        session.driver.execute_script(
            "navigator.sendBeacon(arguments[0]); new WebSocket(arguments[1])",
            other.url("/beacon"),
            f"ws://{other.address}/",
        )
        session.goto(shop.url("/about"))
        assert session.state()["title"].endswith("undefined")  # no WebRTC
    assert other.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "about:config"])
def test_pages_lead_to_nothing_local(session, shop, url):
    session.goto(shop.url("/form"))
    script = "try { location = arguments[0] } catch (error) { return error.name }"
    assert session.driver.execute_script(script, url) == "TypeError"
    assert session.state()["url"] == shop.url("/form")


def test_pages_see_what_the_workflow_chose(guarded, shop):
    chosen = {"timezone": "Asia/Tokyo", "locale": "de-CH", "width": 800}
    settings = BrowserSettings(engine="firefox", user_agent="Robot/1", **chosen)
    with BrowserSession(guarded, settings) as session:
        title = session.goto(shop.url("/about"))["title"]
    assert title.split(",")[:4] == ["9", "de-CH", "800", "Robot/1"]


def test_cookies_in_and_out(step, shop):
    step("navigate", url=shop.url("/form"))
    cookie = {"name": "lang", "value": "en", "http_only": True, "same_site": "Lax"}
    step("set_cookies", cookies=[cookie, {"name": "b", "value": "2"}])
    step("reload")
    assert shop.requests[-1].headers["Cookie"] == "lang=en; b=2"
    found = step("get_cookies", names=["lang"])["cookies"]
    assert [one.items() >= cookie.items() for one in found] == [True]
    assert step("clear_cookies", names=["b"]) == {"removed": 1}
    assert len(step("get_cookies")["cookies"]) == 1


def test_files_up_and_down(step, session, shop):
    step.files.write_bytes("a.txt", b"abc")
    step("navigate", url=shop.url("/form"))
    step("upload_file", target="#file", path="a.txt")
    script = "return document.getElementById('file').files[0].text()"
    assert session.driver.execute_script(script) == "abc"
    step("download_by_click", target="text=Export", path="in/o.csv")
    assert step.files.read_bytes("in/o.csv") == b"a,b"


def test_pictures_and_paper(session, shop):
    session.goto(shop.url("/form"))
    session.driver.execute_script("document.body.style.height = '3000px'")
    view, page = session.screenshot(), session.screenshot(full_page=True)
    heights = [int.from_bytes(one[20:24]) for one in (view, page)]
    assert heights[0] == 800
    assert heights[1] >= 3000
    assert print_open_page(session, PrintOptions()).startswith(b"%PDF")
    html = "<!doctype html><h1>Bill</h1><img src=x onerror='location = 1'>"
    assert print_html(session, html, PrintOptions(), 10).startswith(b"%PDF")
    assert session.state()["url"] == shop.url("/form")


def test_says_what_it_cannot_do(step, session, shop):
    with pytest.raises(RpaError) as caught:
        step("navigate", url=shop.url("/form"), referer="https://example.com/")
    assert caught.value.code == "not_in_firefox"
    with pytest.raises(RpaError) as caught:
        print_open_page(session, PrintOptions(header="<b>x</b>"))
    assert caught.value.code == "not_in_firefox"


def test_the_usual_browser_stays_beside_it_and_both_end(guarded, shop):
    with BrowserSession(guarded) as usual, BrowserSession(guarded, FIREFOX) as other:
        usual.goto(shop.url("/form"))
        other.goto(shop.url("/form"))
        names = [one.driver.capabilities["browserName"] for one in (usual, other)]
        assert [name.partition("-")[0] for name in names] == ["chrome", "firefox"]
        folder = other.loan.browser.engine.folder
    guarded.stop()
    assert not folder.exists()
    assert not guarded.is_running


def test_a_geckodriver_elsewhere_is_a_remote_browser_too(shop, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = tmp_path / "said"
    with said.open("wb") as output:
        command = [shutil.which("geckodriver"), f"--port={port}", "--websocket-port=0"]
        driver = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(lambda: b"Listening" in said.read_bytes())
        url = f"http://127.0.0.1:{port}"
        place = read_place(url, listen="127.0.0.1", proxy_host="")
        with EgressProxy(Policy((shop.address,))) as proxy:
            options = BrowserOptions(remote=place)
            host = BrowserHost(options, proxy_address=proxy.start(), keeps_warm=False)
            with BrowserSession(host, FIREFOX) as session:
                assert session.goto(shop.url("/form"))["title"] == "Form"
            host.stop()
        # Its Firefox has ended with the session.
        wait_for(
            lambda: not psutil.Process(driver.pid).children(), what="its browser ends"
        )
    finally:
        driver.terminate()
        driver.wait()
