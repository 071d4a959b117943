"""Files and the browser's own pages stay shut, whoever asks for them."""

import json
from pathlib import Path

import pytest

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.errors import PermanentFailure
from apps.steps.browser.chromium.options import LOCAL_ADDRESSES, OWN_PARTS
from apps.steps.browser.session import BrowserSession
from tests.fixtures_browser import Site, running_host
from tests.http_server import running

pytestmark = pytest.mark.browser

POLICY = Path(__file__).parents[3] / "deploy" / "chromium-policy.json"
SECRET = "of this machine alone"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The address of a file that the browser could read."""
    path = tmp_path_factory.mktemp("local") / "secret.html"
    path.write_text(f"<title>opened</title>{SECRET}")
    return path.as_uri()


@pytest.mark.parametrize(
    "url", ["FILE", "chrome://version", "devtools://devtools/", "view-source:FILE"]
)
def test_the_browser_refuses_a_drivers_commands_too(browser, site, file, url):
    site.show("<p>a page</p>")
    answer = browser.cdp("Page.navigate", url=url.replace("FILE", file))
    assert answer["errorText"] == "net::ERR_BLOCKED_BY_ADMINISTRATOR"
    assert SECRET not in browser.html()


PAGE = """<p>here</p><a id=link href=URL>Link</a><iframe src=URL></iframe>
<form action=URL><button>Send</button></form><script>
  window.failed = 0;
  const image = new Image();
  image.onerror = () => { window.failed += 1; };
  image.src = 'URL';
  fetch('URL').catch(() => { window.failed += 1; });
</script>"""
LEAVE = """
const url = arguments[0];
document.getElementById('link').click();
document.querySelector('form').submit();
window.open(url);
location.href = url;
"""


@pytest.mark.parametrize("url", ["FILE", "chrome://version", "view-source:FILE"])
def test_a_page_cannot_lead_to_them(browser, site, file, url):
    url = url.replace("FILE", file)
    shown = site.show(PAGE.replace("URL", url))

    def look():
        return browser.driver.execute_script("return window.failed") == 2 or None

    assert browser.poll(look, 10)
    with browser.commanding() as driver:
        driver.execute_script(LEAVE, url)
    assert browser.state()["url"] == shown
    targets = browser.cdp("Target.getTargets")["targetInfos"]
    assert not [one["url"] for one in targets if one["url"] == url]


def test_a_redirect_cannot_lead_to_them(browser, site, file):
    site.server.answers("/away", 302, headers={"Location": file})
    with pytest.raises(PermanentFailure) as caught:
        browser.goto(site.server.url("/away"))
    assert caught.value.code == "ERR_UNSAFE_REDIRECT"


def test_the_images_policy_names_the_same():
    policy = json.loads(POLICY.read_text())
    assert policy["URLBlocklist"] == list(LOCAL_ADDRESSES)
    assert policy["URLAllowlist"] == list(OWN_PARTS)
    # Forbidden, they would keep out our own driver.
    assert "DeveloperToolsAvailability" not in policy


WORKER = """
self.addEventListener('install', (event) => event.waitUntil(
  fetch('http://127.0.0.2:8001/', {mode: 'no-cors'}).catch(() => 0)));
"""
REGISTER = """<a href=/tab target=_blank>Tab</a><iframe src=/frame></iframe><script>
  navigator.serviceWorker.register('/worker.js');
</script>"""


def test_workers_frames_and_new_tabs_take_the_proxy_too():
    with running() as server:
        server.answers("/worker.js", 200, WORKER, {"Content-Type": "text/javascript"})
        for path, port in (("/frame", 8002), ("/tab", 8003)):
            away = {"Location": f"http://127.0.0.2:{port}/"}
            server.answers(path, 302, headers=away)
        with (
            EgressProxy(Policy((server.address,))) as proxy,
            running_host(proxy_address=proxy.start(), keeps_warm=False) as host,
            BrowserSession(host) as session,
        ):
            Site(server, session).show(REGISTER)
            session.find("text=Tab").click()

            def look():
                refused = {one.port for one in proxy.refusals}
                return refused == {8001, 8002, 8003} or None

            assert session.poll(look, 10), proxy.refusals
