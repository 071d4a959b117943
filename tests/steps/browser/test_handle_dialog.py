import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser

ASKS = '<p id=p></p><button onclick="p.textContent = {}">Ask</button>'


@pytest.fixture(scope="module")
def browser(host):
    """A context of which nobody has said yet how dialogs are answered."""
    with BrowserSession(host) as session:
        yield session


@pytest.fixture
def ask(browser, site):
    """Opens a page that asks when its button is clicked; gives what it was told."""

    def run(call):
        site.show(ASKS.format(call))
        browser.find("button").click()
        return browser.poll(lambda: browser.text("p") or None, 5)

    return run


def test_pages_are_cancelled_until_a_step_says_otherwise(ask, on_page):
    assert ask("confirm('Sure?')") == "false"
    assert on_page("handle_dialog", action="accept")[0] == {"seen": []}
    assert ask("confirm('Sure?')") == "true"


def test_the_open_page_has_dialogs_at_once(browser, on_page, site):
    site.show(ASKS.format("confirm('Now?')"))
    on_page("handle_dialog", action="accept")
    browser.find("button").click()
    assert browser.poll(lambda: browser.text("p") or None, 5) == "true"


@pytest.mark.parametrize(
    ("params", "call", "expected"),
    [
        ({"action": "dismiss"}, "confirm('a')", "false"),
        ({"action": "dismiss"}, "String(prompt('a'))", "null"),
        ({"action": "accept"}, "prompt('a', 'usual')", "usual"),
        ({"action": "accept", "text": "Ada"}, "prompt('a')", "Ada"),
        ({"action": "accept", "text": ""}, "prompt('a', 'x') + '!'", "!"),
        ({"action": "accept"}, "String(alert('a'))", "undefined"),
    ],
)
def test_answers_every_kind(ask, on_page, params, call, expected):
    on_page("handle_dialog", **params)
    assert ask(call) == expected


def test_answers_as_often_as_was_said_and_then_as_before(ask, on_page):
    on_page("handle_dialog", action="dismiss")
    on_page("handle_dialog", action="accept", times=1)
    assert ask("[confirm('1'), confirm('2')].join()") == "true,false"


def test_tells_what_was_seen(ask, on_page):
    on_page("handle_dialog", action="accept")
    ask("confirm('Delete 3 files?')")
    seen = on_page("handle_dialog", action="dismiss")[0]["seen"]
    told = {"type": "confirm", "message": "Delete 3 files?", "action": "accept"}
    assert seen[-1] == told


def test_frames_in_shadow_roots_have_dialogs_too(run_step, step_ctx, host, site):
    inner = site.add("/inner", ASKS.format("confirm('In?')"))
    root = f"h.attachShadow({{mode: 'open'}}).innerHTML = '<iframe src={inner}>'"
    url = site.add("/outer", f"<div id=h></div><script>{root}</script>")
    with BrowserSession(host) as session:
        session.goto(url)
        at = {"primary": "button", "frame": ["iframe"]}
        session.find(at)
        run_step("handle_dialog", {"action": "accept"}, step_ctx(browser=session))
        run_step("click", {"target": at}, step_ctx(browser=session))
        place = {**at, "primary": "#p"}
        assert session.poll(lambda: session.text(place) or None, 5) == "true"


@pytest.mark.parametrize(
    "params", [{"action": "wait"}, {"times": 0}, {"action": "dismiss", "text": "x"}]
)
def test_refuses_what_makes_no_sense(run_step, params):
    with pytest.raises(ValueError, match=r"accept|times"):
        run_step("handle_dialog", params)
