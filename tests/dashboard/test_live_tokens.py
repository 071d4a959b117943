"""A page whose token runs out while it is open, in a real browser."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from tests.dashboard.browsing import connection, find, resize, sign_in, until
from tests.dashboard.conftest import Site
from tests.dashboard.documents import FINE
from tests.realtime.conftest import publish, start_web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What the page hears, how often it connects, and whether it renews its token.
_NOTE = """
    const [module, done] = arguments;
    import(module).then(({ LiveSocket }) => {
      window.said = [];
      window.heard = [];
      window.connects = 0;
      window.renews = true;
      const { connect, hear, renew } = LiveSocket.prototype;
      LiveSocket.prototype.connect = function () {
        window.connects += 1;
        return connect.call(this);
      };
      LiveSocket.prototype.hear = function (said) {
        window.said.push(said.code ?? said.type);
        return hear.call(this, said);
      };
      LiveSocket.prototype.renew = function () {
        if (window.renews) renew.call(this);
      };
      document.addEventListener("rpa:event", (event) =>
        window.heard.push(event.detail.executionId));
      done();
    });
"""


@pytest.fixture(scope="module")
def brief(django_db_setup, tmp_path_factory) -> Iterator[Site]:
    """A site whose tokens last for seconds."""
    log = tmp_path_factory.mktemp("brief") / "web.log"
    web = start_web(log, ACCESS_TOKEN_LIFETIME_S="4", SOCKET_SILENT_AFTER_S="30")
    yield Site(web)
    web.program.stop()


def value(browser: Chrome, name: str):
    return browser.execute_script(f"return window.{name}")


def test_a_page_goes_on_when_its_token_runs_out(engine, alice, brief, browser):
    workflow = engine.workflow(FINE)
    engine.start(workflow)
    publish()
    resize(browser, 1280)
    sign_in(browser, brief.url, alice.email)
    module = f"{brief.url}/static/dashboard/live/socket.js"
    browser.execute_async_script(_NOTE, module)
    until(browser, lambda: connection(browser) == "live")
    made = []

    def happen() -> None:
        made.append(str(engine.start(workflow).id))
        publish()

    happen()
    until(browser, lambda: "authenticated" in value(browser, "said"))
    happen()
    until(browser, lambda: len(value(browser, "heard")) == 2)
    # A new token in time: nobody noticed.
    assert value(browser, "connects") == 0
    browser.execute_script("window.renews = false")
    until(browser, lambda: "token_expired" in value(browser, "said"))
    happen()
    until(browser, lambda: len(value(browser, "heard")) == 3)
    assert value(browser, "heard") == made
    assert value(browser, "connects") >= 1
    until(browser, lambda: connection(browser) == "live")
    assert find(browser, f"#row-{made[-1]}")
    browser.get("about:blank")
