import pytest

pytestmark = pytest.mark.browser


def test_opens_a_page_and_says_where_it_led(on_page, site):
    site.add("/there", "there")
    site.server.answers("/here", 302, headers={"Location": "/there"})
    output, ctx = on_page("navigate", url=site.server.url("/here"))
    there = site.server.url("/there")
    assert output == {"url": there, "title": "Page /there", "status": 200}
    assert ctx.warnings == []


def test_a_page_with_an_error_status_is_a_page_with_a_warning(on_page, site):
    output, ctx = on_page("navigate", url=site.server.url("/missing"))
    assert output["status"] == 404
    assert "404" in ctx.warnings[0]


def test_says_where_it_comes_from(on_page, failure_of, site):
    url, start = site.add("/there", "there"), site.server.url("/start")
    output, _ = on_page("navigate", url=url, referer=start)
    assert output == {"url": url, "title": "Page /there", "status": 200}
    asked = next(one for one in site.server.requests if one.path == "/there")
    assert asked.headers["Referer"] == start
    error = failure_of("navigate", url=url, referer="file:///etc")
    assert error.code == "scheme_refused"


def test_waits_until_the_page_asks_for_nothing_more(on_page, browser, site):
    site.server.answers("/a", body=b"x")
    more = "fetch('/a').then(() => setTimeout(() => fetch('/a').then(() => "
    more += "{ document.title = 'done' }), 200))"
    url = site.add("/busy", f"<script>{more}</script>")
    output, _ = on_page("navigate", url=url, wait_until="networkidle")
    assert output["title"] == "done"
    referer = site.server.url("/")
    output, _ = on_page("navigate", url=url, wait_until="networkidle", referer=referer)
    assert output["title"] == "done"


@pytest.mark.parametrize("wait_until", ["domcontentloaded", "none"])
def test_can_go_on_before_a_slow_picture_is_there(on_page, site, wait_until):
    url = site.add("/slow", "<img src='http://10.255.255.1/x.png'><p>text</p>")
    output, _ = on_page("navigate", url=url, wait_until=wait_until, timeout="5s")
    assert output["url"] == url


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        " file:/etc/passwd",
        "//etc/passwd",
        "chrome://version",
        "devtools://devtools/bundled/inspector.html",
        "view-source:http://127.0.0.1/",
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,<p>hi",
        "about:blank",
        "blob:http://127.0.0.1/1",
        "ftp://127.0.0.1/",
        "fi\tle:///etc/passwd",
        "127.0.0.1/",
        "/etc/passwd",
    ],
)
def test_opens_no_other_schemes(failure_of, browser, site, url):
    site.show("safe")
    error = failure_of("navigate", url=url)
    assert error.code == "scheme_refused"
    assert browser.state()["title"] == "Page /page"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///x",
        "http://a b/",
        "http://a\\@b/",
        "http://x:99999/",
        "http://[::1",
    ],
)
def test_refuses_malformed_addresses(failure_of, url):
    assert failure_of("navigate", url=url).code == "invalid_url"


def test_names_chromiums_code_when_nobody_answers(failure_of, site):
    url = site.server.url("/")
    site.server.stop()
    site.server.stop = lambda: None
    error = failure_of("navigate", url=url)
    assert error.code == "ERR_CONNECTION_REFUSED"
    assert error.http_status == 503


def test_a_download_is_no_page(failure_of, site):
    site.show("before")
    headers = {"Content-Disposition": "attachment; filename=a.bin"}
    site.server.answers("/file", body=b"x", headers=headers)
    error = failure_of("navigate", url=site.server.url("/file"))
    assert error.code == "not_a_page"


def test_a_page_that_never_rests_ends_with_the_timeout(failure_of, on_page, site):
    url = site.add("/busy", "<script>while (true) {}</script>")
    assert failure_of("navigate", url=url, timeout="1s").code == "timeout"
    good = site.add("/good", "good")
    assert on_page("navigate", url=good)[0]["status"] == 200


@pytest.mark.parametrize(
    "script",
    [
        "location = 'file:///etc/passwd'",
        "location = 'chrome://version'",
        "location = 'data:text/html,hi'",
        "location = 'view-source:' + location",
        "open('file:///etc/passwd')",
        "for (let i = 0; i < 500; i++) alert(i)",
        "setInterval(() => confirm('sure?'), 5)",
        "onbeforeunload = (event) => { event.preventDefault(); return 'stay' }",
        "print()",
        "for (let i = 0; i < 500; i++) window.open('/page')",
    ],
)
def test_pages_cannot_lead_to_local_files_or_hold_the_browser(on_page, site, script):
    url = site.add("/hostile", f"<input id=a><script>{script}</script>")
    on_page("navigate", url=url)
    output, _ = on_page("wait_for", target="#a", timeout="5s")
    assert output["url"] == url
    on_page("navigate", url=site.add("/next", "next"))
