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
