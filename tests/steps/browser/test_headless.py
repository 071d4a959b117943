"""A browser with a window: where there is a display, and where there is none."""

import shutil
import subprocess

import pytest

from apps.core.errors import PermanentFailure
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_browser import running_host

pytestmark = pytest.mark.browser

WINDOW = BrowserSettings(headless=False)


@pytest.fixture
def display(monkeypatch):
    """A display of the test's own."""
    if not (program := shutil.which("Xvfb")):
        pytest.skip("needs Xvfb")
    command = [program, "-displayfd", "1", "-nolisten", "tcp", "-screen", "0"]
    with subprocess.Popen([*command, "1600x1200x24"], stdout=subprocess.PIPE) as server:
        monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().decode().strip()}")
        yield
        server.terminate()


def test_has_a_window_and_goes_when_it_is_given_back(display):
    with running_host() as host:
        with BrowserSession(host, WINDOW) as session:
            session.state()
            script = (
                "return [navigator.userAgent, innerWidth, outerHeight > innerHeight]"
            )
            agent, width, has_bars = session.driver.execute_script(script)
            assert "Headless" not in agent
            assert (width, has_bars) == (1280, True)
            with BrowserSession(host, WINDOW) as second:
                second.state()
            assert host.is_running
        assert not host.is_running


@pytest.mark.parametrize("value", [None, "", ":4711"])
def test_without_a_display_it_says_what_to_do(monkeypatch, value):
    monkeypatch.delenv("DISPLAY", raising=False)
    if value is not None:
        monkeypatch.setenv("DISPLAY", value)
    session = BrowserSession(BrowserHost(BrowserOptions(), proxy_address=None), WINDOW)
    with session, pytest.raises(PermanentFailure, match="xvfb-run") as caught:
        session.state()
    assert caught.value.code == "no_display"


def test_a_browser_that_says_much_after_that_says_it_too(monkeypatch, tmp_path):
    program = tmp_path / "browser"
    program.write_text("""#!/bin/sh
        echo "Missing X server or $DISPLAY"
        for _ in 1 2 3 4 5 6 7 8 9; do
            echo "Failed to connect to the bus: Could not parse server address"
        done
        exit 1
    """)
    program.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":4711")
    host = BrowserHost(BrowserOptions(path=str(program)), proxy_address=None)
    session = BrowserSession(host, WINDOW)
    with session, pytest.raises(PermanentFailure, match="xvfb-run"):
        session.state()
