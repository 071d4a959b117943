"""What becomes of a page's connection, and what the dot says of it."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.dashboard.browsing import (
    all_of,
    complaints,
    connection,
    find,
    resize,
    sign_in,
    until,
)
from tests.dashboard.conftest import Site
from tests.dashboard.documents import FINE
from tests.http_server import Answer, HttpServer, Request, running
from tests.realtime.conftest import publish, start_web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIFETIME_S = 4
_LISTEN = """
    window.heard = [];
    document.addEventListener("rpa:event", (event) => window.heard.push(event.detail));
"""
# Only what the connection itself finds out: the parts do not look until they may.
_NEVER_LOOK = """
    const trigger = window.htmx.trigger;
    const kept = new Set();
    window.htmx.trigger = (part) => kept.add(part);
    window.lookAgain = () => {
      window.htmx.trigger = trigger;
      kept.forEach((part) => trigger(part, "refresh"));
    };
"""
_IS_LOOKING = "return document.querySelector('.htmx-request') !== null"
# Counts what the client does from now on, and keeps the dot's states.
_WATCH = """
    const [module, isRenewed, done] = arguments;
    window.did = { renew: 0, connect: 0, expired: 0 };
    window.states = [];
    import(module).then(({ LiveSocket }) => {
      const { renew, connect, fail } = LiveSocket.prototype;
      LiveSocket.prototype.renew = async function () {
        if (!isRenewed) return;
        await renew.call(this);
        window.did.renew += 1;
      };
      LiveSocket.prototype.connect = function () {
        window.did.connect += 1;
        return connect.call(this);
      };
      LiveSocket.prototype.fail = function (said) {
        if (said.code === "token_expired") window.did.expired += 1;
        return fail.call(this, said);
      };
      const dot = document.getElementById("connection");
      new MutationObserver(() => window.states.push(dot.dataset.state))
        .observe(dot, { attributes: true, attributeFilter: ["data-state"] });
      done();
    });
"""
_SIGN_OUT = """
    const done = arguments[arguments.length - 1];
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const headers = { "X-CSRFToken": token };
    fetch("/sign-out", { method: "POST", headers, redirect: "manual" }).then(done);
"""


def did(browser) -> dict[str, int]:
    return browser.execute_script("return window.did")


def words(browser) -> str:
    return find(browser, "#connection").text


# --- the dot ----------------------------------------------------------------------


@pytest.fixture
def front(site) -> Iterator[HttpServer]:
    """A proxy before the site whose way to the WebSocket is broken."""

    def passed(request: Request) -> Answer:
        if request.path == "/ws":
            return Answer(502, b"<h1>502 Bad Gateway</h1>")
        return forwarded(site, request)

    with running() as server:
        server.default = passed
        yield server


def forwarded(site: Site, request: Request) -> Answer:
    """What the site itself answers."""
    inner = HTTPConnection("127.0.0.1", site.web.port, timeout=30)
    query = urlencode(request.query, doseq=True)
    path = f"{request.path}?{query}" if query else request.path
    headers = dict(request.headers.items())
    inner.request(request.method, path, request.body, headers)
    answer = inner.getresponse()
    body = answer.read()
    inner.close()
    kept = [
        (name, value)
        for name, value in answer.getheaders()
        if name.lower() not in ("transfer-encoding", "content-length", "connection")
    ]
    return Answer(answer.status, body, kept)


def test_a_broken_proxy_is_named_by_what_it_answers(
    engine, alice, site, front, browser
):
    engine.run(FINE)
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    browser.get(front.url("/executions"))  # cookies are the host's, whatever the port
    until(browser, lambda: connection(browser) == "502")
    assert words(browser) == "The server answered 502. Looking every few seconds."
    assert find(browser, "#connection.is-late .dot").is_displayed()
    # And it does look: what is new comes without a socket.
    made = engine.start(FINE)
    until(browser, lambda: all_of(browser, f"#row-{made.id}"))
    browser.get_log("browser")  # the console says the 502 as well


def test_whoever_signed_out_elsewhere_is_told_so(engine, alice, site, browser):
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    until(browser, lambda: connection(browser) == "live")
    browser.execute_script(_NEVER_LOOK)
    until(browser, lambda: not browser.execute_script(_IS_LOOKING))
    browser.execute_async_script(_SIGN_OUT)
    # The server ends the connection, and the page finds out why.
    until(browser, lambda: connection(browser) == "signed-out")
    assert words(browser).startswith("Signed out: sign in again.")
    browser.execute_script("window.lookAgain()")
    until(browser, lambda: "/sign-in?next=" in browser.current_url)
    browser.get_log("browser")


# --- the token --------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared_brief_site(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    web = start_web(
        tmp_path_factory.mktemp("brief") / "web.log",
        ACCESS_TOKEN_LIFETIME_S=str(LIFETIME_S),
    )
    yield Site(web)
    web.program.stop()


@pytest.fixture
def brief_site(shared_brief_site: Site, transactional_db: None) -> Site:
    """Pages whose tokens last a few seconds."""
    return shared_brief_site


@pytest.fixture
def expiring(engine, alice, brief_site, browser) -> Callable[..., list[str]]:
    """Looks at the list beyond the end of a token while executions are started.

    Gives their ids in order.
    """

    def look(*, is_renewed: bool, until_then: Callable[[], bool]) -> list[str]:
        resize(browser, 1280)
        sign_in(browser, brief_site.url, alice.email)
        browser.execute_script(_LISTEN)
        module = f"{brief_site.url}/static/dashboard/live/socket.js"
        browser.execute_async_script(_WATCH, module, is_renewed)
        until(browser, lambda: connection(browser) == "live")
        workflow, made = engine.workflow(FINE), []

        def happens() -> bool:
            made.append(str(engine.start(workflow).id))
            publish()
            return until_then()

        until(browser, happens)
        return made

    return look


def started(browser) -> list[str]:
    """The executions that the page has heard of, as often as it has."""
    heard = browser.execute_script("return window.heard")
    return [one["executionId"] for one in heard if one["type"] == "execution-queued"]


def test_a_token_is_renewed_on_the_connection_before_it_ends(expiring, browser):
    # So often renewed, it has outlived its first token.
    made = expiring(is_renewed=True, until_then=lambda: did(browser)["renew"] >= 3)
    until(browser, lambda: len(started(browser)) >= len(made))
    assert started(browser) == made
    # By the first token at most it connected: never again, and never said it was away.
    assert did(browser)["expired"] == 0
    states = browser.execute_script("return window.states")
    assert set(states) <= {"connecting", "catching-up", "live"}
    assert states.count("catching-up") <= 1
    assert states[-1:] in ([], ["live"])
    assert complaints(browser) == []


def test_a_token_that_ends_costs_no_event_and_no_word(expiring, browser):
    made = expiring(
        is_renewed=False,
        until_then=lambda: (
            did(browser)["expired"] >= 1 and connection(browser) == "live"
        ),
    )
    until(browser, lambda: len(started(browser)) >= len(made))
    assert started(browser) == made
    # It came back at once, with a new token.
    assert did(browser)["connect"] >= did(browser)["expired"]
    states = browser.execute_script("return window.states")
    assert set(states) <= {"connecting", "catching-up", "live"}
    assert complaints(browser) == []
