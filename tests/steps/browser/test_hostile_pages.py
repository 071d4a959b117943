"""Pages that mean harm, or are broken beyond belief: the next session always works.

Local addresses, private ones and selectors have tests of their own, as have dialogs
and scripts without end while no step waits for them.
"""

import contextlib
import os
import socket
import time
from itertools import count

import psutil
import pytest

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.executions.engine.breaches import usage_of
from apps.steps.browser import watcher
from apps.steps.browser.downloads import TOO_LARGE
from apps.steps.browser.local import FOLDER
from apps.steps.browser.session import BrowserSession
from tests.fixtures_browser import Site, running_host
from tests.http_server import running
from tests.raw_server import read_head, scripted

pytestmark = pytest.mark.browser

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def processes():
    """Names of the processes of this process's browsers."""
    found = []
    for process in psutil.process_iter():
        try:
            if f"{FOLDER}{os.getpid()}-" in " ".join(process.cmdline()):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def host():
    with running_host(keeps_warm=False) as made:
        yield made
    assert processes() == []


@pytest.fixture
def browser(host):
    """A session of each test's own; afterwards the next one opens a page."""
    with BrowserSession(host) as session:
        yield session
        folder = session.loan.context.downloads if session.is_running else None
    assert folder is None or not folder.exists()
    with running() as server, BrowserSession(host) as following:
        Site(server, following).show("<p>fine</p>")
        assert following.text("p") == "fine"
        assert len(following.tabs) == 1


def silent(sock):
    read_head(sock)
    sock.recv(1)


def headers_only(sock):
    read_head(sock)
    sock.sendall(HTML)
    sock.recv(1)


def dripping(sock):
    read_head(sock)
    sock.sendall(HTML + b"<title>slow</title>")
    for _ in range(200):
        sock.sendall(b"<p>")
        time.sleep(0.1)


@pytest.mark.parametrize("script", [silent, headers_only, dripping])
def test_a_page_that_never_ends_is_left_in_time(failure_of, on_page, site, script):
    with scripted(script) as server:
        error = failure_of("navigate", url=server.url(), timeout="1s")
    assert error.code == "timeout"
    assert isinstance(error, TemporaryFailure)
    output, _ = on_page("navigate", url=site.add("/good", "good"))
    assert output["status"] == 200


def test_redirects_without_end(failure_of, site):
    numbers = count()
    site.server.answers("/a", 302, headers={"Location": "/b"})
    site.server.answers("/b", 302, headers={"Location": "/a"})
    error = failure_of("navigate", url=site.server.url(f"/a?{next(numbers)}"))
    assert error.code == "ERR_TOO_MANY_REDIRECTS"
    assert isinstance(error, PermanentFailure)


@pytest.mark.parametrize(
    "body",
    [
        "<meta http-equiv=refresh content=0><p>x</p>",
        pytest.param(
            "<script>onload = () => { location = '/page?' + Math.random() }</script>"
            "<p>x</p>",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_page_that_loads_itself_again_and_again_can_be_left(
    run_step, step_ctx, browser, site, body
):
    there = {"url": site.add("/page", body), "timeout": 1}
    # It may be seen in between or not; no step stays with it.
    for name, params in (("navigate", there), ("extract_text", {"target": "p"})):
        ctx = step_ctx(browser=browser, deadline=time.monotonic() + 2)
        with contextlib.suppress(RpaError):
            run_step(name, params, ctx)
    good = {"url": site.add("/good", "good"), "timeout": 10}
    output = run_step("navigate", good, step_ctx(browser=browser))
    assert output["title"] == "Page /good"


DIALOGS = """<input id=a><button onclick="
  for (let i = 0; i < 150; i++) (0, [alert, confirm, prompt][i % 3])('again ' + i);
  document.title = 'through'">Go</button>
<script>onbeforeunload = (event) => { event.preventDefault() }</script>"""


def test_hundreds_of_dialogs_are_answered_when_pages_may_open_them(
    on_page, browser, site
):
    url = site.show(DIALOGS)
    on_page("handle_dialog", action="accept", times=1000)
    on_page("type", target="#a", text="x")
    on_page("click", target="text=Go")
    output, _ = on_page("wait_for", target="#a", timeout="20s")
    assert output["url"] == url
    assert browser.state()["title"] == "through"
    assert browser.dialogs.count >= 150
    # Its last one, `beforeunload`, does not keep the robot either.
    on_page("navigate", url=site.add("/next", "next"))


def test_tabs_without_end_are_closed_at_once(on_page, browser, site, monkeypatch):
    monkeypatch.setattr(watcher, "MOST_TABS", 3)
    site.show("<button onclick='window.open(\"/other\")'>Go</button>")
    site.add("/other", "other")
    warnings = []
    for _ in range(6):
        warnings += on_page("click", target="text=Go")[1].warnings
    warnings += on_page("wait_for", target="text=Go")[1].warnings
    assert browser.poll(lambda: len(browser.tabs) <= 3 or None, 10)
    assert len(browser.tabs) == 3
    assert "closed at once" in warnings[0]


def endless(sock):
    """A file that says to have 10 GB."""
    read_head(sock)
    size = 10 * 1024**3
    head = f"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: {size}\r\n\r\n"
    sock.sendall(head.encode())
    for _ in range(2_000):
        sock.sendall(bytes(64 * 1024))
        time.sleep(0.01)


@pytest.fixture
def narrow(browser):
    """A session whose pages may download 1 MB."""
    browser.downloads.most_bytes = 1_000_000
    return browser


def files_in(session):
    return [one.name for one in session.loan.context.downloads.iterdir()]


def test_a_download_of_ten_gigabytes_is_broken_off(failure_of, narrow, site):
    with scripted(endless) as server:
        site.show(f"<a href={server.url()} download>Get it</a>")
        error = failure_of("download_by_click", target="text=Get it", path="x")
        assert (error.code, error.details["limit"]) == ("file_too_large", 1_000_000)
        assert isinstance(error, PermanentFailure)
        assert narrow.poll(lambda: not files_in(narrow) or None, 10)


def test_downloads_that_no_step_asked_for_are_broken_off(narrow, site):
    with scripted(endless) as server:
        script = f"location = '{server.url()}'"
        site.show(f"<p>here</p><script>setTimeout(() => {{ {script} }}, 1)</script>")
        found = narrow.downloads.take(10)
        assert found.status == TOO_LARGE
        assert narrow.poll(lambda: not files_in(narrow) or None, 10)
    assert narrow.text("p") == "here"


def test_a_file_that_is_there_at_once_and_too_large_is_removed(
    failure_of, narrow, site
):
    headers = {"Content-Disposition": "attachment; filename=a.bin"}
    site.server.answers("/a", body=bytes(1_500_000), headers=headers)
    site.show("<a href=/a>Get it</a>")
    error = failure_of("download_by_click", target="text=Get it", path="x")
    assert error.code == "file_too_large"
    assert narrow.poll(lambda: not files_in(narrow) or None, 10)


def test_two_downloads_at_once_are_both_kept(narrow, site):
    for name in ("a", "b"):
        headers = {"Content-Disposition": f"attachment; filename={name}.txt"}
        site.server.answers(f"/{name}", body=name, headers=headers)
    links = "<a href=/a download>A</a><a href=/b download>B</a>"
    site.show(f"{links}<button onclick='for (const a of document.links) a.click()'>Go")
    narrow.find("text=Go").click()
    found = [narrow.downloads.take(10) for _ in range(2)]
    assert [one.status for one in found] == ["complete"] * 2
    assert {one.path.read_text() for one in found} == {"a", "b"}


def test_a_page_that_crashes_is_a_temporary_failure(run_step, step_ctx, browser, site):
    site.show("<p>soon gone</p>")
    with pytest.raises(TemporaryFailure) as caught:
        browser.cdp("Page.crash")
    assert caught.value.code == "browser_crashed"
    output = run_step(
        "navigate", {"url": site.add("/good", "good")}, step_ctx(browser=browser)
    )
    assert output["title"] == "Page /good"


# Up to 1.2 GB, in steps: then the machine that this runs on is none the worse.
GREEDY = """<p>x</p><script>const held = [];
const more = () => {
  held.push(new Uint8Array(40e6).fill(held.length + 1));
  if (held.length < 30) setTimeout(more, 100);
};
onload = more</script>"""


@pytest.mark.django_db(transaction=True)
def test_an_execution_whose_page_takes_too_much_memory_is_ended(engine, settings):
    used = usage_of(os.getpid()).memory_bytes
    with running() as server:
        server.answers("/page", 200, GREEDY, {"Content-Type": "text/html"})
        settings.EGRESS_ALLOW = server.address
        # The browser itself takes half of it.
        settings.EXECUTION_MEMORY_BYTES = used + 700_000_000
        steps = [
            {"type": "navigate", "params": {"url": server.url("/page")}},
            {"type": "wait_for", "params": {"target": "#never", "timeout": "60s"}},
        ]
        ended = engine.run({"steps": steps})
        assert ended.status == "failed"
        assert ended.error["code"] == "too_much_memory"
        server.answers("/page", 200, "<p>fine</p>", {"Content-Type": "text/html"})
        assert engine.run({"steps": steps[:1]}).status == "completed"


ENDLESS_SCRIPTS = {
    "workers": (
        "const source = URL.createObjectURL(new Blob(['while (true) {}']));"
        "for (let i = 0; i < 4; i++) new Worker(source)"
    ),
    "elements": (
        "const grow = () => { for (let i = 0; i < 2000; i++) "
        "document.body.append(document.createElement('i')); setTimeout(grow) }; grow()"
    ),
    "history": "setInterval(() => history.pushState(0, '', '#' + Math.random()))",
    "frames": (
        "for (let i = 0; i < 60; i++) { const f = document.createElement('iframe');"
        "f.src = '/page?' + i; if (top === self) document.body.append(f) }"
    ),
}


@pytest.mark.parametrize("name", ENDLESS_SCRIPTS)
def test_a_script_without_end_holds_no_step(run_step, step_ctx, browser, site, name):
    script = f"setTimeout(() => {{ {ENDLESS_SCRIPTS[name]} }}, 50)"
    site.show(f"<p>x</p><script>{script}</script>")
    time.sleep(0.2)
    ctx = step_ctx(browser=browser, deadline=time.monotonic() + 2)
    with contextlib.suppress(TemporaryFailure):  # of a page that is too busy
        run_step("extract_text", {"target": "p"}, ctx)
    good = {"url": site.add("/good", "good")}
    assert run_step("navigate", good, step_ctx(browser=browser))["status"] == 200


def test_a_page_that_wants_a_password_or_a_program_is_no_dialog(on_page, site):
    realm = {"WWW-Authenticate": 'Basic realm="x"'}
    site.server.answers("/locked", 401, "no", realm)
    output, ctx = on_page("navigate", url=site.server.url("/locked"))
    assert output["status"] == 401
    assert "401" in ctx.warnings[0]
    url = site.add("/mail", "<p>here</p><script>location = 'mailto:a@b.ch'</script>")
    on_page("navigate", url=url)
    assert on_page("extract_text", target="p")[0] == "here"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<p>cut",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip",
    ],
)
def test_answers_that_are_none(failure_of, answer):
    def script(sock):
        read_head(sock)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)

    with scripted(script) as server:
        error = failure_of("navigate", url=server.url(), timeout="5s")
    assert error.code.startswith("ERR_")
