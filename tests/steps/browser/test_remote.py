"""Browsers that are sessions of a grid, or of a driver elsewhere."""

import logging
import os
import socket
from contextlib import ExitStack
from datetime import timedelta

import pytest

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.engines import engine_for
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.launch import USUAL
from apps.steps.browser.local import FOLDER
from apps.steps.browser.remote import files
from apps.steps.browser.remote.place import problems, read_place
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_engine import wait_for
from tests.http_server import running
from tests.steps.browser.small_grid import small_grid, start_chromedriver

pytestmark = pytest.mark.browser
HTML = {"Content-Type": "text/html"}
FORM = "<title>Form</title><label>Name <input></label><input type=file id=file>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("remote")


@pytest.fixture(scope="module")
def remote(folder):
    """A driver elsewhere, which is a chromedriver and nothing more."""
    driver = start_chromedriver(folder)
    yield driver
    driver.end()


@pytest.fixture(scope="module")
def shop():
    with running() as server:
        server.answers("/form", 200, FORM, HTML)
        server.answers("/export", 200, "<a href=/file>Export</a>", HTML)
        attached = {"Content-Disposition": "attachment; filename=o.csv"}
        server.answers("/file", 200, "a,b", attached)
        yield server


@pytest.fixture(scope="module")
def host_of(shop):
    """Makes hosts of browsers elsewhere; all of them are stopped at the end."""
    with ExitStack() as stack:
        proxy = stack.enter_context(EgressProxy(Policy((shop.address,))))

        def make(url, **more):
            place = read_place(url, listen="127.0.0.1", proxy_host="")
            options = BrowserOptions(sandbox=False, remote=place, **more)
            made = BrowserHost(options, proxy_address=proxy.start(), keeps_warm=False)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(scope="module")
def far(host_of, remote):
    return host_of(remote.url)


@pytest.fixture(scope="module")
def grid(host_of, remote, folder):
    with small_grid(remote.url, folder) as address:
        host = host_of(f"http://robot:pass%2Fword@{address}")
        yield host
        host.stop()


def test_steps_run_in_it_and_executions_do_not_see_each_other(
    far, shop, run_step, step_ctx
):
    with BrowserSession(far) as first:
        ctx = step_ctx(browser=first)
        run_step("navigate", {"url": shop.url("/form")}, ctx)
        run_step("type", {"target": "label=Name", "text": "Ann"}, ctx)
        said = run_step("get_attribute", {"target": "input", "attribute": "value"}, ctx)
        assert said == {"value": "Ann"}
        first.driver.execute_script("document.cookie = 'a=1'; localStorage.a = 1")
        browser = first.loan.browser
    with BrowserSession(far) as second:
        second.goto(shop.url("/form"))
        assert second.loan.browser is browser
        assert second.checkpoint()["cookies"] == []
        assert second.driver.execute_script("return localStorage.length") == 0


def test_its_traffic_takes_our_proxy(far, shop):
    with running() as other, BrowserSession(far) as session:
        session.goto(shop.url("/form"))
        with pytest.raises(PermanentFailure) as caught:
            session.goto(other.url("/"))
    assert caught.value.code == "egress_refused"
    assert other.requests == []


def test_a_driver_alone_moves_no_files_and_says_so_before_the_click(
    far, shop, run_step, step_ctx
):
    with BrowserSession(far) as session:
        ctx = step_ctx(browser=session)
        ctx.files.write_bytes("a.txt", b"abc")
        session.goto(shop.url("/form"))
        with pytest.raises(RpaError) as caught:
            run_step("upload_file", {"target": "#file", "path": "a.txt"}, ctx)
        assert caught.value.code == "remote_files_unsupported"
        session.goto(shop.url("/export"))
        with pytest.raises(RpaError, match="managed downloads") as caught:
            run_step("download_by_click", {"target": "a", "path": "x"}, ctx)
    assert caught.value.code == "remote_files_unsupported"
    assert not [one for one in shop.requests if one.path == "/file"]


@pytest.mark.parametrize("chosen", [{"block": ("images",)}, {"keep_session": "shop"}])
def test_a_driver_alone_has_no_devtools_and_says_so(far, chosen):
    with BrowserSession(far, BrowserSettings(**chosen)) as session:
        with pytest.raises(PermanentFailure) as caught:
            session.state()
        assert caught.value.code == "no_devtools"
        assert session.state_to_keep() is None


def test_a_grid_blocks_requests_and_keeps_sessions(grid, shop):
    with BrowserSession(grid, BrowserSettings(block_urls=("/file",))) as session:
        session.goto(shop.url("/form"))
        script = "return fetch('/file').catch(() => 'refused')"
        assert session.driver.execute_script(script) == "refused"
    chosen = BrowserSettings(keep_session="shop")
    with BrowserSession(grid, chosen) as session:
        session.goto(shop.url("/form"))
        session.driver.execute_script("document.cookie = 'a=1'; localStorage.b = 2")
        kept = session.state_to_keep()
    with BrowserSession(grid, chosen, kept=kept) as session:
        session.goto(shop.url("/form"))
        script = "return [document.cookie, localStorage.b]"
        assert session.driver.execute_script(script) == ["a=1", "2"]


def test_a_grid_moves_files_both_ways_and_forgets_them(
    grid, shop, run_step, step_ctx, folder
):
    with BrowserSession(grid) as session:
        ctx = step_ctx(browser=session)
        ctx.files.write_bytes("a.txt", b"abc")
        session.goto(shop.url("/form"))
        run_step("upload_file", {"target": "#file", "path": "a.txt"}, ctx)
        script = "return document.getElementById('file').files[0].text()"
        assert session.driver.execute_script(script) == "abc"
        session.goto(shop.url("/export"))
        run_step("download_by_click", {"target": "a", "path": "in/o.csv"}, ctx)
        assert ctx.files.read_bytes("in/o.csv") == b"a,b"
    assert list((folder / "downloads").iterdir()) == []


def test_files_that_are_too_large_do_not_go_over(grid, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 2)
    (tmp_path / "a").write_bytes(b"abc")
    with BrowserSession(grid) as session, pytest.raises(PermanentFailure) as caught:
        session.loan.files.hand_over(tmp_path / "a")
    assert caught.value.code == "file_too_large"


def test_a_wrong_password_fails_for_good_and_is_told_to_nobody(
    host_of, remote, folder, caplog
):
    caplog.set_level(logging.DEBUG)
    with small_grid(remote.url, folder) as address:
        host = host_of(f"http://robot:guessed@{address}")
        with pytest.raises(PermanentFailure, match="user or password") as caught:
            BrowserSession(host).state()
    assert "guessed" not in f"{caught.value} {caplog.text} {host._options}"


def test_a_grid_without_a_free_browser_is_a_temporary_failure(host_of):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        host = host_of(f"http://{address}", start_timeout=timedelta(seconds=1))
        with pytest.raises(TemporaryFailure, match="none was free") as caught:
            BrowserSession(host).goto("http://example.com/")
    assert caught.value.code == "browser_start_failed"
    assert address in str(caught.value)


def test_a_session_that_dies_is_replaced_and_none_stays(host_of, folder, shop):
    driver = start_chromedriver(folder)
    host = host_of(driver.url)
    with BrowserSession(host) as session:
        session.goto(shop.url("/form"))
        driver.end()
        wait_for(lambda: session.is_lost, what="it is noticed")
        with pytest.raises(TemporaryFailure):
            session.state()
        driver = start_chromedriver(folder, driver.port)
        assert session.goto(shop.url("/form"))["title"] == "Form"
        assert len(driver.sessions) == 1
    host.stop()
    assert driver.sessions == []
    driver.end()


def test_sessions_of_killed_processes_are_ended(far, remote, tmp_path, monkeypatch):
    gone = os.spawnv(os.P_NOWAIT, "/bin/true", ["true"])
    os.waitpid(gone, 0)
    orphan = tmp_path / f"{FOLDER}{gone}-x"
    orphan.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with BrowserSession(far) as session:
        session.state()
        note = (session.loan.browser.engine.folder / "session").read_text()
        before = len(remote.sessions)
        (orphan / "session").write_text(note)
        engine_for(USUAL, far._options, proxy_address=None).close()
        assert len(remote.sessions) == before - 1
        assert not orphan.exists()
        # That it was ended elsewhere is found out by the next command.
        with pytest.raises(TemporaryFailure):
            session.state()
        assert session.is_lost


@pytest.mark.parametrize(
    ("url", "listen", "peers", "says"),
    [
        ("", "127.0.0.1", "", None),
        ("http://localhost:4444", "127.0.0.1", "", None),
        ("https://u:p@grid:4444/wd/hub", "0.0.0.0", "10.0.0.0/8, 192.0.2.7", None),
        ("ftp://grid", "127.0.0.1", "", "SELENIUM_REMOTE_URL"),
        ("http://grid:4444", "127.0.0.1", "", "EGRESS_PROXY_LISTEN"),
        ("http://grid:4444", "0.0.0.0", "", "EGRESS_PROXY_PEERS"),
        ("", "0.0.0.0", "", "EGRESS_PROXY_PEERS"),
        ("", "127.0.0.1", "grid", "EGRESS_PROXY_PEERS"),
        ("", "worker", "10.0.0.1", "EGRESS_PROXY_LISTEN"),
    ],
)
def test_settings_that_would_be_unsafe_or_useless_are_named(url, listen, peers, says):
    found = problems(url, listen=listen, peers=peers, proxy_host="")
    assert bool(found) == bool(says)
    assert says is None or says in found[0]


@pytest.mark.parametrize(
    ("listen", "proxy_host", "reached"),
    [
        ("10.0.0.5", "", "10.0.0.5"),
        ("0.0.0.0", "", socket.gethostname()),
        ("0.0.0.0", "worker", "worker"),
    ],
)
def test_browsers_are_told_how_to_reach_the_proxy(listen, proxy_host, reached):
    place = read_place(
        "https://u:p%40ss@grid:4444/wd/hub/", listen=listen, proxy_host=proxy_host
    )
    assert (place.address, place.user) == ("https://grid:4444/wd/hub", "u")
    assert (place.secret, place.proxy_host) == ("p@ss", reached)
    assert "p@ss" not in repr(place)
