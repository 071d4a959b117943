"""Evidence of real pages: what is kept, what is hidden, and that it has bounds."""

import io
import json

import pytest
from PIL import Image

from apps.executions.engine.masking import Masker
from apps.steps.browser.evidence import recording
from apps.steps.browser.evidence.collecting import collect
from apps.steps.browser.evidence.copies import MAX_BYTES
from apps.steps.browser.evidence.recording import MESSAGES
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings
from tests.fixtures_engine import wait_for

pytestmark = pytest.mark.browser

VALUE = "hünter2-🔑&more"
BLACK = (0, 0, 0)
NOBODY = Masker({}, "")


def evidence(browser, secrets=NOBODY):
    return {one.kind: one.content for one in collect(browser, secrets, whole=True)}


def seen(browser, secrets=NOBODY):
    """Evidence with the page, which a busy machine may leave out at first."""

    def look():
        kept = evidence(browser, secrets)
        return kept if "dom" in kept else None

    return wait_for(look)


@pytest.fixture
def own(host):
    """A context of the test's own, for what would stay in a shared one."""
    with BrowserSession(host) as session:
        yield session


def pixels(png, browser, target):
    """The colors that an element's middle line has in a picture."""
    box = browser.find(target, state="attached").rect
    with Image.open(io.BytesIO(png)) as image:
        middle = int(box["y"] + box["height"] / 2)
        across = range(int(box["x"]), int(box["x"] + box["width"]))
        return {image.convert("RGB").getpixel((x, middle)) for x in across}


def test_the_picture_is_black_where_secrets_stand(browser, site):
    site.show(
        "<style>* { background: #fee; color: #c00 } div { height: 40px }</style>"
        "<div id=clear>nothing to hide</div>"
        "<input id=typed><input id=password type=password value=other>"
        f"<div><span id=shown>my key is {VALUE.replace('&', '&amp;')} here</span></div>"
        "<div><span id=short>PIN 4711</span></div>"
    )
    selectors = [{"kind": "css", "value": "#typed"}]
    browser.run(None, "acting.type", selectors, VALUE, True, False)
    png = seen(browser, Masker({"key": VALUE, "pin": "4711"}, ""))["screenshot"]
    for target in ("#typed", "#password", "#shown", "#short"):
        assert pixels(png, browser, target) == {BLACK}, target
    assert BLACK not in pixels(png, browser, "#clear")


def test_a_picture_without_secrets_is_as_it_was(browser, site):
    site.show("<h1>hello</h1>")
    assert seen(browser)["screenshot"] == browser.screenshot()


def test_frames_and_shadow_roots_are_copied_and_searched(browser, site):
    field = f"<input id=i value='{VALUE}'>"
    far = site.add("/far", f"<p>far</p>{field}").replace("127.0.0.1", "localhost")
    site.add("/near", f"<p>near</p>{field}")
    site.show(
        f"<iframe id=far src={far}></iframe><iframe src=/near></iframe><p id=p></p>"
        "<script>p.attachShadow({mode: 'open'}).innerHTML = "
        f"`<b>deep</b>{field}`</script>"
    )
    kept = seen(browser, Masker({"key": VALUE}, ""))
    text = kept["dom"].decode()
    assert "hünter2" not in text
    for word in ("&lt;p&gt;far", "&lt;p&gt;near", "<b>deep</b>"):
        assert word in text, word
    assert text.count("***") == 3
    # The field in the frame of the other site, whose corner is the frame's.
    place = browser.find("#far").rect
    with Image.open(io.BytesIO(kept["screenshot"])) as image:
        at = (int(place["x"]) + 20, int(place["y"]) + 60)
        assert image.convert("RGB").getpixel(at) == BLACK


HOSTILE = """<meta http-equiv=refresh content='1; /ran?meta'>
<body onload="fetch('/ran?load')"><script>var ran = 1</script>
<img src=/ran?img onerror="fetch('/ran?error')"><link rel=stylesheet href=/ran?link>
<iframe srcdoc="<script>parent.ran = 1</script>"></iframe>
<a id=a href=" java\nscript:fetch('/ran?href')">a</a><form id=f action=/ran?form>
<button>b</button></form><svg><style>&lt;img src=/ran?style onerror=alert(1)></style>
<script>var ran</script></svg><noscript><img src=/ran?noscript></noscript>
<object data=/ran?object></object><video src=/ran?video autoplay></video>
<textarea></textarea><style>b { background: url(/ran?css) }</style><b>bold</b>
<script>
document.querySelector('textarea').value = '</textarea><script>ran = 1</' + 'script>';
document.querySelector('style:last-of-type').append('</style><img src=/ran?raw>');
document.querySelector('b').title = '"><script>ran = 1</' + 'script>';
document.body.append(document.createComment('--><img src=/ran?comment>'));
</script>"""


def test_a_copy_runs_nothing_and_asks_nobody(browser, site, host):
    with BrowserSession(host) as own:
        own.goto(site.add("/hostile", HOSTILE), wait_until="domcontentloaded")
        copy = seen(own)["dom"].decode()
    assert "bold" in copy
    assert "<script" not in copy
    assert "refresh" not in copy
    site.server.answers("/copy", 200, copy, {"Content-Type": "text/html"})
    site.server.requests.clear()
    browser.goto(site.server.url("/copy"))
    browser.find("#a").click()
    browser.find("button").click()
    with browser.commanding() as driver:
        assert driver.execute_script("return typeof ran") == "undefined"
        assert driver.execute_script("return document.scripts.length") == 0
    assert {one.path for one in site.server.requests} <= {"/copy", "/favicon.ico"}


def test_traffic_is_a_har_of_version_1_2(own, site):
    cookie = {"Set-Cookie": "sid=abc123; Path=/", "Content-Type": "text/html"}
    site.server.answers("/old", 302, "", cookie | {"Location": "/new?token=t0ken"})
    page = "<script>fetch('/none'); fetch('http://127.0.0.1:1/')</script>ok"
    site.server.answers("/new", 200, page, {"Content-Type": "text/html"})
    own.goto(site.server.url("/old"))
    wait_for(lambda: len(failures(own)) >= 2)
    failed = failures(own)
    assert {one["status"] for one in failed} == {404, None}
    text = evidence(own)["har"].decode()
    assert "abc123" not in text
    assert "t0ken" not in text
    log = json.loads(text)["log"]
    assert_is_har(log)
    entries = log["entries"]
    assert [one["response"]["status"] for one in entries][:2] == [302, 200]
    assert entries[0]["response"]["redirectURL"] == "/new?token=***"
    assert log["pages"][0]["id"] == entries[0]["pageref"]


def failures(session):
    found = json.loads(evidence(session)["requests"])
    return [one for one in found if "favicon" not in one["url"]]


# Thousands of requests would take the test long, and show the same.
REQUESTS = 200
HUGE = f"""<body><script>
const messages = {MESSAGES + 100}, requests = {REQUESTS + 100};
for (let at = 0; at < messages; at += 1) console.log(at, 'x'.repeat(5000));
const box = document.createElement('div');
box.hidden = true;  // laid out it would take the browser far longer
box.append('y'.repeat(3e6), document.createElement('hr'), 'z'.repeat(6e6));
document.body.append(box);
for (let at = 0; at < requests; at += 1) fetch('data:,' + at);
</script>"""


def has_answer(session, url):
    known = session.recorder.everything().requests
    return any(one.url == url and one.status for one in known)


def test_a_page_without_measure_is_kept_within_bounds(own, site, monkeypatch):
    monkeypatch.setattr(recording, "REQUESTS", REQUESTS)
    own.goto(site.add("/huge", HUGE))
    wait_for(lambda: has_answer(own, f"data:,{REQUESTS + 99}"))
    kept = seen(own, Masker({"key": VALUE}, ""))
    # Nobody has looked for secrets in all of it.
    assert "screenshot" not in kept
    assert 3_000_000 < len(kept["dom"]) <= MAX_BYTES
    messages = json.loads(kept["console"])
    assert (messages[0], len(messages)) == ({"left_out": 100}, MESSAGES + 1)
    assert max(len(one["text"]) for one in messages[1:]) < 2_100
    log = json.loads(kept["har"])["log"]
    assert len(log["entries"]) == REQUESTS
    assert "earlier requests are left out" in log["comment"]


def test_a_page_of_very_many_elements_is_copied(own, site):
    many = "document.body.innerHTML = '<i></i>'.repeat(150_000)"
    own.goto(site.add("/many", f"<body><script>{many}</script>"))
    assert b"<body><i></i>" in seen(own)["dom"]


def test_a_page_that_hangs_leaves_what_was_heard_of_it(own, site):
    url = site.add("/hang", "<script>console.log('so far')</script>")
    own.goto(url)
    loan, tab = own.place
    endless = {"expression": "for (;;);", "awaitPromise": False}
    loan.bidi.tell("script.evaluate", target={"context": tab}, **endless)
    kept = evidence(own)
    assert sorted(kept) == ["console", "har", "requests"]
    assert b"so far" in kept["console"]
    assert own.is_responsive
    own.open_new_tab()
    assert own.goto(site.add("/next", "next"))["status"] == 200


def test_a_browser_that_is_lost_leaves_what_was_heard_of_it(own, site):
    own.goto(site.add("/log", "<script>console.log('so far')</script>"))
    assert b"so far" in evidence(own)["console"]
    own._lose()
    kept = evidence(own)
    assert sorted(kept) == ["console", "har", "requests"]
    assert b"so far" in kept["console"]


def test_with_evidence_off_nobody_listens_to_the_console(host, site):
    heard = []
    # Chromium tells who subscribes what nobody wanted before: no spare one meanwhile.
    with host._lock:
        loan = host.lend(
            BrowserSettings(evidence="off"),
            time_left=lambda: 10.0,
            on_event=lambda event, _: heard.append(event),
        )
        loan.driver.get(site.add("/log", "<script>console.log('x')</script>"))
        # Answered after all events of the page.
        loan.bidi.call("browsingContext.getTree")
        host.give_back(loan, was_cut=False)
    assert "network.beforeRequestSent" in heard  # for who waits for a quiet network
    assert "log.entryAdded" not in heard
    with BrowserSession(host, BrowserSettings(evidence="off")) as session:
        assert evidence(session) == {}


def test_news_are_told_once(own, site):
    def texts():
        pieces = {one.kind: one for one in collect(own, NOBODY, whole=False)}
        found = json.loads(pieces["console"].content)
        return [one["text"] for one in found]

    own.goto(site.add("/a", "<script>console.log('first')</script>"))
    assert texts() == ["first"]
    own.goto(site.add("/b", "<script>console.log('second')</script>"))
    assert texts() == ["second"]
    assert b"first" in evidence(own)["console"]


NUMBER = (int, float)
RECORD = {"name": str, "value": str}
SHAPE = {
    "version": str,
    "creator": {"name": str, "version": str},
    "browser": {"name": str, "version": str},
    "pages": [
        {"startedDateTime": str, "id": str, "title": str, "pageTimings": dict},
    ],
    "entries": [
        {
            "startedDateTime": str,
            "time": NUMBER,
            "request": {
                "method": str,
                "url": str,
                "httpVersion": str,
                "cookies": [RECORD],
                "headers": [RECORD],
                "queryString": [RECORD],
                "headersSize": int,
                "bodySize": int,
            },
            "response": {
                "status": int,
                "statusText": str,
                "httpVersion": str,
                "cookies": [RECORD],
                "headers": [RECORD],
                "content": {"size": int, "mimeType": str},
                "redirectURL": str,
                "headersSize": int,
                "bodySize": int,
            },
            "cache": dict,
            "timings": {"send": NUMBER, "wait": NUMBER, "receive": NUMBER},
        }
    ],
}


def assert_is_har(value, shape=SHAPE, at="log"):
    """Every field that HAR 1.2 requires is there, of its type."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), at
        for name, inner in shape.items():
            assert name in value, f"{at}.{name}"
            assert_is_har(value[name], inner, f"{at}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), at
        for number, one in enumerate(value):
            assert_is_har(one, shape[0], f"{at}[{number}]")
    else:
        assert isinstance(value, shape), at
