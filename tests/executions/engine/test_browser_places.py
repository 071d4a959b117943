"""Rule 7: an execution that was put aside goes on where its browser was."""

import pytest

from apps.executions import cancels
from apps.executions.engine.browsing import ExecutionBrowser
from apps.executions.engine.masking import Masker
from apps.executions.engine.vault import Vault
from apps.steps import registry
from apps.steps.browser.settings import BrowserSettings
from tests.executions.engine.waiting import expire, go_on
from tests.fixtures_engine import wait_for
from tests.http_server import running

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HTML = {"Content-Type": "text/html"}
# An application in one document. It signs in some time after the click, and keeps that
# as its kind says: a cookie with an address of its own, or storage and nothing else.
APP = """<!doctype html><title>App</title><main></main><script>
const main = document.querySelector('main');
const isIn = () => KIND === 'moves'
  ? document.cookie.includes('in=yes') && location.pathname === '/app/notes'
  : localStorage.in === 'yes';
function signIn() {
  setTimeout(async () => {
    await fetch('/login');
    if (KIND === 'moves') {
      document.cookie = 'in=yes; path=/';
      history.pushState(null, '', '/app/notes');
    } else {
      localStorage.in = 'yes';
    }
    draw();
  }, 200);
}
function draw() {
  main.innerHTML = isIn()
    ? '<label>Note <input id=note></label><button onclick="save()">Save</button>'
    : '<label>User <input></label><button onclick="signIn()">Log in</button>';
}
async function save() {
  const answer = await fetch('/save', {method: 'POST', body: note.value});
  main.innerHTML = `<h1>${await answer.text()}</h1>`;
}
draw();
</script>"""
WIZARD = """<!doctype html><title>Wizard</title><main></main><script>
const main = document.querySelector('main');
let name = '';
const keep = (field) => { name = field.value; };
const first = () => {
  main.innerHTML = '<label>Name <input oninput="keep(this)"></label>' +
    '<button onclick="go()">Next</button>';
};
function go() {
  history.pushState(null, '', '/wizard/town');
  second();
}
const second = () => main.innerHTML =
  '<label>Town <input id=town></label><button onclick="send()">Send</button>';
const send = () => fetch('/sent', {method: 'POST', body: `${name} of ${town.value}`});
location.pathname === '/wizard' ? first() : second();
</script>"""
LIST = """<!doctype html><title>List</title><h1>The list</h1>
<label>Search <input></label><a href="/detail" target="_blank">Open</a>"""
DETAIL = """<!doctype html><title>Detail</title>
<form action="/sent" method="post"><label>Price <input name="price"></label>
<button>Send</button></form>"""
ASKS = """<!doctype html><title>Asks</title><h1>-</h1>
<button>Go</button><script>
document.querySelector('button').onclick = () => {
  document.querySelector('h1').textContent = confirm('Sure?');
};
</script>"""


@pytest.fixture
def site(settings):
    with running() as server:
        settings.EGRESS_ALLOW = server.address
        for path, page in {
            "/wizard": WIZARD,
            "/wizard/town": WIZARD,
            "/list": LIST,
            "/detail": DETAIL,
            "/asks": ASKS,
            "/sent": "<h1>Thank you</h1>",
            "/save": "Saved",
            "/login": "ok",
        }.items():
            server.answers(path, 200, page, HTML)
        yield server


def step(step_id, type_, **params):
    return {"id": step_id, "type": type_, "params": params}


PAUSE = step("pause", "delay", seconds=3600)


def after_pause(engine, child, *steps):
    """The execution after a pause in which its browser was given back."""
    execution = engine.start({"steps": list(steps)})
    child.run(execution)
    waiting = engine.now(execution)
    assert waiting.status == "waiting", waiting.error
    expire(engine, execution)
    return go_on(engine, child, execution)


def sent_to(site, path):
    return [one.text for one in site.requests if one.path == path]


@pytest.mark.parametrize("kind", ["moves", "stays"])
def test_an_application_in_one_document_is_still_signed_in(engine, child, site, kind):
    page = APP.replace("KIND", f"'{kind}'")
    for path in ("/app", "/app/notes"):
        site.answers(path, 200, page, HTML)
    done = after_pause(
        engine,
        child,
        step("open", "navigate", url=site.url("/app")),
        step("user", "type", target="label=User", text="ann"),
        step("in", "click", target="text=Log in"),
        step("note", "type", target="label=Note", text="milk"),
        PAUSE,
        step("save", "click", target="text=Save"),
        step("said", "extract_text", target="h1"),
    )
    assert (done.status, done.outputs.get("said")) == ("completed", "Saved"), done.error
    assert sent_to(site, "/save") == ["milk"]
    assert len(sent_to(site, "/login")) == 1


def test_what_was_typed_before_the_page_changed_its_view_is_not_lost_in_silence(
    engine, child, site
):
    done = after_pause(
        engine,
        child,
        step("open", "navigate", url=site.url("/wizard")),
        step("name", "type", target="label=Name", text="Ann", timeout=1),
        step("next", "click", target="text=Next"),
        step("town", "type", target="label=Town", text="Bern"),
        PAUSE,
        step("send", "click", target="text=Send"),
    )
    assert (done.status, done.error["code"]) == ("failed", "element_not_found")
    assert sent_to(site, "/sent") == []


def test_all_open_tabs_come_back_and_the_one_in_use_is_gone_on_in(engine, child, site):
    done = after_pause(
        engine,
        child,
        step("open", "navigate", url=site.url("/list")),
        step("detail", "click", target="text=Open"),
        step("over", "switch_tab", to="last"),
        step("price", "type", target="label=Price", text="12"),
        PAUSE,
        step("send", "click", target="text=Send"),
        step("back", "close_tab"),
        step("said", "extract_text", target="h1"),
    )
    assert (done.status, done.outputs.get("said")) == ("completed", "The list")
    assert sent_to(site, "/sent") == ["price=12"]


def test_a_page_that_was_filled_in_in_another_tab_is_not_gone_on_with(
    engine, child, site
):
    done = after_pause(
        engine,
        child,
        step("open", "navigate", url=site.url("/list")),
        step("search", "type", target="label=Search", text="pears"),
        step("detail", "click", target="text=Open"),
        step("over", "switch_tab", to="last"),
        step("price", "type", target="label=Price", text="12"),
        PAUSE,
        step("send", "click", target="text=Send"),
        step("back", "close_tab"),
    )
    assert (done.status, done.error["code"]) == ("failed", "page_lost")
    assert sent_to(site, "/sent") == ["price=12"]


@pytest.mark.parametrize("times", [None, 1])
def test_dialogs_are_answered_as_a_step_said(engine, child, site, times):
    limit = {} if times is None else {"times": times}
    done = after_pause(
        engine,
        child,
        step("dialogs", "handle_dialog", action="accept", **limit),
        step("open", "navigate", url=site.url("/asks")),
        PAUSE,
        step("go", "click", target="text=Go"),
        step("first", "extract_text", target="h1"),
        step("again", "click", target="text=Go"),
        step("second", "extract_text", target="h1"),
    )
    assert done.status == "completed", done.error
    second = "true" if times is None else "false"
    assert (done.outputs["first"], done.outputs["second"]) == ("true", second)


def test_cookies_that_steps_set_and_removed_are_so_again(engine, child, site):
    cookies = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    done = after_pause(
        engine,
        child,
        step("open", "navigate", url=site.url("/list")),
        step("set", "set_cookies", cookies=cookies),
        step("clear", "clear_cookies", names=["a"]),
        PAUSE,
        step("have", "get_cookies"),
    )
    assert done.status == "completed", done.error
    assert [one["name"] for one in done.outputs["have"]["cookies"]] == ["b"]


def contexts_of(running):
    """The contexts of a browser, without the one that is kept ready."""
    found = running.bidi.call("browser.getUserContexts")["userContexts"]
    spare = {running.spare.id} if running.spare is not None else set()
    return {one["userContext"] for one in found} - spare


NEVER = step("never", "wait_for", target="#never", timeout=60)


@pytest.mark.parametrize(
    ("last", "ends"),
    [
        (step("read", "extract_text", target="h1"), "completed"),
        (step("gone", "click", target="#gone", timeout=0.2), "failed"),
        (NEVER, "timeout"),
        (NEVER, "cancelled"),
        (PAUSE, "waiting"),
    ],
)
def test_a_context_is_given_back_however_its_execution_ends(
    engine, child, meanwhile, site, last, ends
):
    browser = child.place.tools.browsers.usual
    opened = step("open", "navigate", url=site.url("/list"))
    limit = {"settings": {"timeout": "3s"}} if ends == "timeout" else {}
    execution = engine.start({"steps": [opened, last], **limit})

    def cancel():
        wait_for(lambda: "never running" in engine.paths(execution))
        with engine.scope():
            cancels.execution_cancel(execution=execution, by=engine.viewer)

    if ends == "cancelled":
        meanwhile(cancel)
    child.run(execution)
    expected = {"timeout": "failed"}.get(ends, ends)
    assert engine.now(execution).status == expected
    running = browser._browser
    # A cancel may cut a command off: then the whole browser went.
    assert running is None or not running.lent
    if running is not None:
        wait_for(lambda: contexts_of(running) == {"default"}, what="only a spare one")


def test_a_browser_that_died_after_a_step_is_not_begun_anew_by_looking_at_it(
    child, claim, site
):
    tools, masker = child.place.tools, Masker({}, "")
    browser = ExecutionBrowser(
        *(claim().lease, tools),
        chosen=BrowserSettings(),
        vault=Vault(masker, {}),
        restore=None,
    )
    typing = registry.find("type")
    browser.session.goto(site.url("/list"))
    assert browser.checkpoint(typing, "read") is not None
    started = tools.browsers.usual._browser.engine._started
    started["browser"].kill()
    browser.session.news.note()
    assert browser.checkpoint(typing, "page") is None
    # Whoever comes next has to be told that the page is gone.
    assert browser.is_lost
    assert not browser.session.is_running
    browser.close()
