"""Nothing of one execution's browser can be seen by another's, in the same browser."""

import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser

PAGE = "<title>none</title><p>hi"


@pytest.fixture
def pair(host):
    """Two sessions of one browser, open at the same time."""
    with BrowserSession(host) as first, BrowserSession(host) as second:
        yield first, second


def run(session, script, *arguments):
    with session.commanding() as driver:
        return driver.execute_script(script, *arguments)


def later(session, script):
    """What a script hands to its last argument, `done`."""
    with session.commanding() as driver:
        driver.set_script_timeout(10)
        return driver.execute_async_script(
            f"const done = arguments[arguments.length - 1]; {script}"
        )


def test_cookies(pair, site):
    first, second = pair
    url = site.add("/page", PAGE)
    first.goto(url)
    run(first, "document.cookie = 'who=first; max-age=600'")
    assert first.checkpoint()["cookies"][0]["value"] == "first"
    second.goto(url)
    assert run(second, "return document.cookie") == ""
    assert second.checkpoint()["cookies"] == []
    assert "who=first" not in str(site.server.requests[-1].headers)


@pytest.mark.parametrize("store", ["localStorage", "sessionStorage"])
def test_storage(pair, site, store):
    first, second = pair
    url = site.add("/page", PAGE)
    first.goto(url)
    run(first, f"{store}.setItem('who', 'first')")
    second.goto(url)
    assert run(second, f"return {store}.getItem('who')") is None


WRITE = """
const opened = indexedDB.open('shared', 1);
opened.onupgradeneeded = () => opened.result.createObjectStore('rows');
opened.onsuccess = () => {
  const change = opened.result.transaction('rows', 'readwrite');
  change.objectStore('rows').put('first', 'who');
  change.oncomplete = () => done('kept');
};
"""


def test_indexed_db(pair, site):
    first, second = pair
    url = site.add("/page", PAGE)
    first.goto(url)
    assert later(first, WRITE) == "kept"
    names = "indexedDB.databases().then((all) => done(all.map((one) => one.name)))"
    assert later(first, names) == ["shared"]
    second.goto(url)
    assert later(second, names) == []


def test_cache(pair, site):
    first, second = pair
    headers = {"Cache-Control": "max-age=600", "Content-Type": "text/javascript"}
    site.server.answers("/kept.js", 200, "document.title = 'loaded'", headers)
    url = site.add("/page", "<script src=/kept.js></script>")

    def asked():
        return sum(one.path == "/kept.js" for one in site.server.requests)

    first.goto(url)
    first.goto(url + "?again")
    assert asked() == 1
    second.goto(url)
    assert asked() == 2


def test_downloads(pair, site):
    first, second = pair
    headers = {"Content-Disposition": "attachment; filename=a.txt"}
    site.server.answers("/a", body="secret", headers=headers)
    first.goto(site.add("/page", "<a href=/a>Get it</a>"))
    first.find("text=Get it").click()
    found = first.downloads.take(10)
    second.goto(site.add("/other", PAGE))
    assert second.downloads.all == []
    folder = second.loan.context.downloads
    assert folder != found.path.parent
    assert list(folder.iterdir()) == []


def test_service_workers_and_permissions_go_with_the_context(host, site):
    script = (
        "self.addEventListener('fetch', (event) => event.respondWith("
        "new Response('<title>from the worker</title>', "
        "{headers: {'Content-Type': 'text/html'}})))"
    )
    site.server.answers("/worker.js", 200, script, {"Content-Type": "text/javascript"})
    url = site.add("/page", PAGE)
    register = (
        "navigator.serviceWorker.register('/worker.js')"
        ".then(() => navigator.serviceWorker.ready).then(() => done('ready'))"
    )
    with BrowserSession(host) as first:
        first.goto(url)
        assert later(first, register) == "ready"
        assert first.goto(url)["title"] == "from the worker"
    with BrowserSession(host) as second:
        assert second.goto(url)["title"] == "Page /page"


def test_tabs_of_another_are_not_among_ones_own(pair, site):
    first, second = pair
    url = site.add("/page", "<a href=/page target=_blank>More</a>")
    first.goto(url)
    first.find("text=More").click()
    assert first.poll(lambda: len(first.tabs) == 2 or None, 10)
    second.goto(url)
    assert len(second.tabs) == 1
    assert not set(first.tabs) & set(second.tabs)
