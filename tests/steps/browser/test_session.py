import gc
import os
import shutil
import signal
import socket
import threading
import time
from contextlib import ExitStack

import psutil
import pytest

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession
from tests.fixtures_browser import Site, running_host
from tests.http_server import running

pytestmark = pytest.mark.browser


@pytest.fixture
def own():
    """Makes sessions, each in a browser of its own."""
    with ExitStack() as stack:

        def make(**more):
            host = stack.enter_context(running_host(keeps_warm=False, **more))
            return stack.enter_context(BrowserSession(host))

        yield make


def chromium_of(session):
    return session._host.usual._browser.engine


def alive(folder):
    """Names of the processes that bear the profile's folder in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


def test_nothing_is_left_after_the_end():
    events = []
    with running_host(keeps_warm=False) as host:
        session = BrowserSession(host, on_event=lambda name, _: events.append(name))
        assert session.driver.current_url == "about:blank"
        folder = chromium_of(session).folder
        assert len(alive(folder)) > 3
        assert len(session.tabs) == 1
        session.close()
        session.close()
        assert list((folder / "downloads").iterdir()) == []
        with pytest.raises(TemporaryFailure, match="closed"):
            session.state()
    assert alive(folder) == []
    assert not folder.exists()
    assert events == ["browser_started", "browser_closed"]


def test_a_session_that_was_not_used_starts_nothing(own):
    session = own()
    session.close()
    assert not session._host.is_running


class Interrupted(BaseException):
    pass


def ask_without_end(session):
    while True:
        session.state()


# An exception between the making of a socket and its first use drops the socket,
# and Python says so while it closes it. That none stays open is asserted instead.
@pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:Exception ignored in.*<socket:pytest.PytestUnraisableExceptionWarning",
)
@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.3, 0.8, 2.0])
def test_an_exception_out_of_any_command_leaves_close_working(own, after_s):
    def interrupt(_signum, _frame):
        raise Interrupted

    session = own()
    sockets = len(psutil.Process().net_connections())
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, after_s)
        with pytest.raises(Interrupted):
            ask_without_end(session)
    finally:
        signal.signal(signal.SIGALRM, before)
    session.close()
    again = BrowserSession(session._host)
    assert again.state()["url"] == "about:blank"
    again.close()
    session._host.stop()
    assert alive(f"rpa-browser-{os.getpid()}-") == []
    gc.collect()
    assert len(psutil.Process().net_connections()) <= sockets


def test_another_thread_can_close_it_in_the_middle_of_a_command(own):
    session = own()
    session.state()
    timer = threading.Timer(0.3, session.close)
    timer.start()
    with pytest.raises(TemporaryFailure):
        ask_without_end(session)
    timer.join()
    session.close()


@pytest.mark.parametrize("name", ["browser", "driver"])
def test_a_browser_that_died_is_replaced(own, name):
    session = own()
    session.state()
    chromium_of(session)._started[name].kill()
    with pytest.raises(TemporaryFailure) as caught:
        session.state()
    assert caught.value.code == "browser_crashed"
    assert session.state()["url"] == "about:blank"


def test_the_browser_ends_with_the_process_that_started_it(tmp_path):
    note = tmp_path / "folder"
    child = os.fork()
    if child == 0:
        host = BrowserHost(BrowserOptions(), proxy_address=None, keeps_warm=False)
        session = BrowserSession(host)
        session.state()
        note.write_text(str(chromium_of(session).folder))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    folder = note.read_text()
    deadline = time.monotonic() + 10
    while alive(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder)
    assert alive(folder) == []


def test_a_missing_program_is_a_clear_error():
    options = BrowserOptions(path="/nowhere/chrome")
    session = BrowserSession(BrowserHost(options, proxy_address=None))
    with session, pytest.raises(PermanentFailure, match="BROWSER_PATH") as caught:
        session.state()
    assert caught.value.code == "browser_missing"


def test_a_program_that_is_no_browser_is_a_clear_error():
    options = BrowserOptions(path="/bin/false")
    session = BrowserSession(BrowserHost(options, proxy_address=None))
    with session, pytest.raises(PermanentFailure) as caught:
        session.state()
    assert caught.value.code == "browser_start_failed"


def test_a_driver_that_did_not_get_its_port_is_started_again(tmp_path):
    driver = tmp_path / "driver"
    driver.write_text(f"""#!/bin/sh
        if mkdir {tmp_path}/first; then
            echo "IPv4 port not available. Exiting..."
            exit 1
        fi
        exec {shutil.which("chromedriver")} "$@"
    """)
    driver.chmod(0o755)
    host = BrowserHost(BrowserOptions(driver_path=str(driver)), proxy_address=None)
    try:
        with BrowserSession(host) as session:
            assert session.state()["url"] == "about:blank"
    finally:
        host.stop()
    assert (tmp_path / "first").is_dir()


def test_a_step_that_is_out_of_time_does_not_wait_for_the_page(browser, site):
    site.show("<button onclick='while (true) {}'>Go</button>")
    browser.deadline = time.monotonic() + 1
    button = browser.find("text=Go")
    script = "setTimeout((button) => button.click(), 100, arguments[0])"
    browser.driver.execute_script(script, button)
    time.sleep(0.3)
    with pytest.raises(TemporaryFailure) as caught:
        browser.text("button")
    assert caught.value.code == "browser_timeout"
    browser.deadline = None
    assert browser.state()["url"] == "about:blank"


def test_reads_rows_at_one_moment(browser, site):
    site.show(
        "<table><tr class=r><td class=n>A-1<td><a href=/a>7.50 EUR</a>"
        "<tr class=r><td class=n>A-2<td></table>"
    )
    price = {"target": "a", "regex": r"([\d.]+)", "default": "none"}
    link = {"target": "a", "attribute": "href"}
    fields = {"number": ".n", "price": price, "link": link}
    assert browser.extract("tr.r", fields, many=True) == [
        {"number": "A-1", "price": "7.50", "link": site.server.url("/a")},
        {"number": "A-2", "price": "none", "link": None},
    ]
    assert browser.extract(".nothing", fields, many=True) == []
    assert browser.extract("tr.r", {"number": ".n"}) == {"number": "A-1"}
    assert browser.extract("td.n", {}, many=True) == [{"text": "A-1"}, {"text": "A-2"}]
    all_cells = browser.extract(None, {"cells": {"target": "td.n", "many": True}})
    assert all_cells == {"cells": ["A-1", "A-2"]}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"a": "[["}, "invalid_selector"),
        ({"a": ""}, "invalid_field"),
        ({"a": {"unknown": 1}}, "invalid_field"),
        ({"a": {"target": "p", "regex": "("}}, "invalid_field"),
    ],
)
def test_refuses_broken_fields(browser, site, fields, code):
    site.show("<p>x</p>")
    with pytest.raises(PermanentFailure) as caught:
        browser.extract("p", fields)
    assert caught.value.code == code


def test_passwords_are_not_read(browser, site):
    site.show("<input id=a type=password value=hunter2>")
    assert browser.text("#a") == ""
    field = {"target": "#a", "attribute": "value"}
    assert browser.extract(None, {"a": field}) == {"a": ""}


def test_a_checkpoint_brings_another_context_to_the_same_place(browser, site, host):
    url = site.show(
        "<div style='height:4000px'>x</div><script>document.title = "
        "[document.cookie, localStorage.a, sessionStorage.b].join()</script>"
    )
    script = (
        "document.cookie='c=1; max-age=600'; localStorage.a=2; sessionStorage.b='3\"'"
    )
    browser.driver.execute_script(script + "; scrollTo(0, 500)")
    kept = browser.checkpoint()
    with BrowserSession(host) as other:
        other.restore(kept)
        assert other.state()["url"] == url
        assert other.state()["title"] == 'c=1,2,3"'
        assert other.checkpoint()["scroll"] == {"x": 0, "y": 500}


def test_an_empty_checkpoint_restores_nothing(host):
    with BrowserSession(host) as fresh:
        kept = fresh.checkpoint()
        assert kept["url"] == "about:blank"
        fresh.restore(kept)


def test_downloads_are_kept_until_the_session_ends(browser, site, host):
    headers = {"Content-Disposition": "attachment; filename=a.txt"}
    with BrowserSession(host) as session:
        site.server.answers("/a", body="hello", headers=headers)
        session.goto(site.add("/page", "<a href=/a>Get it</a>"))
        session.find("text=Get it").click()
        found = session.downloads.take(10)
        assert (found.status, found.name) == ("complete", "a.txt")
        assert found.path.read_text() == "hello"
        assert browser.downloads.all == []
    assert not found.path.exists()


@pytest.fixture(scope="module")
def guarded():
    """A browser behind the egress proxy, the one server it may reach, a canary."""
    with running() as allowed, running() as canary:
        policy = Policy((allowed.address,))
        with (
            EgressProxy(policy) as proxy,
            running_host(proxy_address=proxy.start()) as host,
            BrowserSession(host) as session,
        ):
            yield session, allowed, canary


def test_allowed_servers_are_reached_through_the_proxy(guarded):
    session, allowed, _ = guarded
    Site(allowed, session).show("<p>allowed</p>")
    assert session.text("p") == "allowed"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:8000/",
        "http://localhost:{port}/",
        "https://127.0.0.1:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
    ],
)
def test_a_refused_address_says_why(guarded, url):
    session, _, canary = guarded
    with pytest.raises(PermanentFailure) as caught:
        session.goto(url.format(port=canary.port))
    assert caught.value.code == "egress_refused"
    assert "address" in caught.value.message
    assert canary.requests == []


def test_a_redirect_to_a_refused_address_says_why(guarded):
    session, allowed, canary = guarded
    allowed.answers("/away", 302, headers={"Location": canary.url("/")})
    with pytest.raises(PermanentFailure) as caught:
        session.goto(allowed.url("/away"))
    assert caught.value.code == "egress_refused"
    assert canary.requests == []


HOSTILE = """
<img src=URL><iframe src=URL></iframe><link rel=stylesheet href=URL>
<link rel=preconnect href=URL><script>
  const ice = {iceServers: [{urls: 'stun:127.0.0.1:UDP'}]};
  const peer = new RTCPeerConnection(ice);
  peer.createDataChannel('x');
  peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  navigator.sendBeacon('URL', 'x');
  fetch('URL', {mode: 'no-cors'}).catch(() => 0).then(() => {
    const socket = new WebSocket('URL'.replace('http', 'ws'));
    socket.onerror = () => setTimeout(() => { document.title = 'done' }, 300);
  });
</script>
"""


def test_a_pages_own_requests_do_not_get_around_the_proxy(guarded):
    session, allowed, canary = guarded
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.setblocking(False)
        body = HOSTILE.replace("URL", canary.url("/"))
        body = body.replace("UDP", str(datagrams.getsockname()[1]))
        Site(allowed, session).show(body)
        done = session.poll(lambda: session.state()["title"] == "done" or None, 10)
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)
    assert done
    assert canary.requests == []


def test_a_server_that_is_away_is_a_temporary_failure(guarded):
    session, allowed, _ = guarded
    url = allowed.url("/")
    allowed.stop()
    allowed.stop = lambda: None
    with pytest.raises(RpaError) as caught:
        session.goto(url)
    assert caught.value.code == "connection_failed"
