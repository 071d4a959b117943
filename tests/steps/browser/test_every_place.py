"""Every step that needs a browser, wherever pages put what it works on.

The same elements lie in the page itself, in frames and in shadow roots; before each
step they are taken away or covered for a moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from apps.steps import registry
from apps.steps.base import BlockType
from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser

ELEMENTS = """
<div id=start onpointerdown="this.dataset.held = 1">Card</div>
<div id=end onpointerup="this.textContent = 'dropped'">Drop here</div>
<button id=go onclick="this.textContent = 'gone ' + event.detail">Go</button>
<b id=menu onmouseenter="this.textContent = 'open'">Menu</b>
<label>Name <input id=name></label>
<label>Town <input id=town></label>
<label><input type=checkbox id=agree> I agree</label>
<label><input type=checkbox id=news checked> Send news</label>
<label>Size <select id=size><option>Small<option>Large</select></label>
<label>File <input type=file id=file></label>
<a id=get href=/file>Get it</a> <a id=open href=/tab target=_blank rel=opener>Open</a>
<button id=ask onclick="this.textContent = confirm('Sure?')">Ask</button>
<p class=row>one</p><p class=row>two</p>
<ul id=list style="height:50px;overflow:auto"><li style="height:400px">long</li></ul>
"""
# `home` gives what holds the elements, in any page that has this script.
SCRIPT = """<script>
function disturb(how) {
  const home = window.home ? window.home() : document.body;
  const page = home.ownerDocument;
  if (how === 'delayed') {
    const nodes = Array.from(home.childNodes);
    home.replaceChildren();
    setTimeout(() => home.append(...nodes), 60);
  }
  if (how === 'covered') {
    const veil = page.createElement('div');
    veil.style.cssText = 'position:fixed;inset:0;background:#fff';
    page.body.append(veil);
    const early = (event) => { page.documentElement.dataset.early = event.type; };
    const names = ['input', 'change', 'keydown', 'mousedown', 'click'];
    for (const name of names) page.addEventListener(name, early, true);
    setTimeout(() => {
      veil.remove();
      for (const name of names) page.removeEventListener(name, early, true);
    }, 60);
  }
}
</script>"""
FRAME = "<iframe id=f src=/elements style='width:900px;height:500px'></iframe>"
SHADOW = """<x-home id=h></x-home><script>
  const root = h.attachShadow({mode: 'open'});
  root.innerHTML = `%s`;
  window.home = () => %s;
</script>"""


@dataclass(frozen=True)
class Place:
    """Where the elements are.

    Attributes:
        body: of the page that has them.
        frame: selectors of the frames on the way to them.
        how: they are disturbed before each step.
    """

    body: str
    how: str
    frame: tuple[str, ...] = ()


PLAIN = f"<main id=m>{ELEMENTS}</main><script>home = () => m</script>"
INSIDE = SHADOW % (f"<main>{ELEMENTS}</main>", "root.firstChild")
PLACES = {
    "page": Place(PLAIN, "delayed"),
    "frame": Place(
        f"{FRAME}<script>home = () => f.contentDocument.body</script>",
        "covered",
        ("#f",),
    ),
    "shadow": Place(INSIDE, "delayed"),
    "veiled": Place(INSIDE, "covered"),
    "frame in shadow": Place(
        SHADOW % (FRAME, "root.firstChild.contentDocument.body"), "delayed", ("#f",)
    ),
}


class Hand:
    """Runs steps on the elements of one place."""

    def __init__(self, run: Callable[..., Any], browser: BrowserSession, place: Place):
        self._run = run
        self.browser = browser
        self.place = place

    def do(self, step: str, target: str | None = None, **params: Any) -> Any:
        if target is not None:
            params["target"] = self.at(target)
        return self._run(step, **params)[0]

    def at(self, selector: str) -> Any:
        return {"primary": selector, "frame": self.place.frame}

    def text(self, selector: str) -> str:
        return str(self.do("extract_text", selector))

    def disturb(self) -> None:
        script = "if (window.disturb) disturb(arguments[0])"
        self.do("execute_script", script=script, arguments=[self.place.how])

    def early(self) -> str:
        """What was done while the elements were covered."""
        page = "(window.home ? home().ownerDocument : document).documentElement"
        script = (
            f"const {{early = ''}} = {page}.dataset; delete {page}.dataset.early; "
            "return early"
        )
        return str(self.do("execute_script", script=script))


def clicks(hand: Hand) -> None:
    hand.do("click", "text=Go", count=2)
    assert hand.text("#go") == "gone 2"


def hovers(hand: Hand) -> None:
    hand.do("hover", "#menu")
    assert hand.text("#menu") == "open"


def drags(hand: Hand) -> None:
    hand.do("drag_and_drop", "#start", to=hand.at("#end"))
    assert hand.text("#end") == "dropped"


def types(hand: Hand) -> None:
    hand.do("type", "label=Name", text="Ada", press="Tab")
    assert hand.text("#name") == "Ada"


def presses_keys(hand: Hand) -> None:
    hand.do("press_key", "#town", keys=["A", "Control+a", "B"])
    assert hand.text("#town") == "B"


def checks(hand: Hand) -> None:
    assert hand.do("check", "label=I agree") == {"changed": True}


def unchecks(hand: Hand) -> None:
    assert hand.do("uncheck", "label=Send news") == {"changed": True}


def chooses(hand: Hand) -> None:
    chosen = hand.do("select_option", "label=Size", label="Large")
    assert chosen == {"value": "Large", "label": "Large"}


def uploads(hand: Hand) -> None:
    assert hand.do("upload_file", "#file", path="a.txt") == {"files": ["a.txt"]}
    assert hand.text("#file").endswith("a.txt")


def downloads(hand: Hand) -> None:
    kept = hand.do("download_by_click", "text=Get it", path="in/b.txt")
    assert (kept["bytes"], kept["name"]) == (5, "c.txt")


def fills_in(hand: Hand) -> None:
    hand.do("switch_frame", frame=hand.place.frame)
    hand.do("solve_form", fields={"Town": "Oslo", "Size": "Small"})
    hand.do("switch_frame")
    assert (hand.text("#town"), hand.text("#size")) == ("Oslo", "Small")


def stays_in_a_frame(hand: Hand) -> None:
    url = hand.do("switch_frame", frame=hand.place.frame)["url"]
    assert url.endswith("/elements" if hand.place.frame else "/page")
    hand.do("wait_for", text="Send news")
    hand.do("switch_frame")


def reads_an_attribute(hand: Hand) -> None:
    read = hand.do("get_attribute", "text=Get it", attribute="href")
    assert read["value"].endswith("/file")


def reads_text(hand: Hand) -> None:
    assert hand.text("p.row") == "one"


def reads_rows(hand: Hand) -> None:
    hand.do("wait_for", "p.row", count=2)
    rows = hand.do("extract_data", "p.row", fields={"n": {}}, many=True)
    assert rows == [{"n": "one"}, {"n": "two"}]


def waits(hand: Hand) -> None:
    hand.do("wait_for", "#agree", state="enabled", count=1)


def asserts(hand: Hand) -> None:
    hand.do("assert_page", "p.row", count=2)
    hand.do("assert_page", "p.row", text="two")


def takes_pictures(hand: Hand) -> None:
    picture = hand.do("screenshot", "#list", mask=[hand.at("li")])
    assert picture["bytes"] > 0
    assert hand.do("screenshot", full_page=True)["bytes"] > picture["bytes"]


def scrolls(hand: Hand) -> None:
    assert hand.do("scroll", to="bottom", within=hand.at("#list"))["y"] > 300
    hand.do("scroll", "#go")


def answers_dialogs(hand: Hand) -> None:
    hand.do("handle_dialog", action="accept", times=1)
    hand.do("click", "#ask")
    hand.do("wait_for", "#ask", text="true")


def runs_scripts(hand: Hand) -> None:
    assert hand.do("execute_script", script="return location.pathname") == "/page"


def goes_to_tabs(hand: Hand) -> None:
    hand.do("click", "text=Open")
    assert hand.do("switch_tab")["title"] == "Page /tab"


def closes_tabs(hand: Hand) -> None:
    assert hand.do("close_tab")["title"] == "Page /page"


def prints(hand: Hand) -> None:
    hand.do("wait_for", "#go")
    assert hand.do("save_pdf", path="a.pdf")["bytes"] > 1_000


def prints_html(hand: Hand) -> None:
    assert hand.do("html_to_pdf", path="b.pdf", html="<p>x")["bytes"] > 1_000
    assert hand.do("execute_script", script="return location.pathname") == "/page"


def prints_reports(hand: Hand) -> None:
    kept = hand.do("generate_report", path="c.pdf", data={"a": "b"})
    assert kept["bytes"] > 1_000


def keeps_cookies(hand: Hand) -> None:
    hand.do("set_cookies", cookies=[{"name": "a", "value": "1"}])


def reads_cookies(hand: Hand) -> None:
    assert [one["name"] for one in hand.do("get_cookies")["cookies"]] == ["a"]


def forgets_cookies(hand: Hand) -> None:
    hand.do("clear_cookies")
    assert hand.do("get_cookies")["cookies"] == []


def opens(hand: Hand) -> None:
    here = hand.do("execute_script", script="return location.href")
    page = hand.do("navigate", url=here, wait_until="networkidle")
    assert page["url"] == here
    hand.do("wait_for", "#go")


def loads_again(hand: Hand) -> None:
    assert hand.do("reload")["title"] == "Page /page"
    hand.do("wait_for", "#go")


def goes_back(hand: Hand) -> None:
    here = hand.do("execute_script", script="return location.href")
    hand.do("navigate", url=here.replace("/page", "/tab"))
    assert hand.do("go_back")["url"] == here
    hand.do("wait_for", "#go")


def goes_forward(hand: Hand) -> None:
    assert hand.do("go_forward")["title"] == "Page /tab"


# In an order in which each finds what it needs.
STEPS: dict[str, Callable[[Hand], None]] = {
    "click": clicks,
    "hover": hovers,
    "drag_and_drop": drags,
    "type": types,
    "press_key": presses_keys,
    "check": checks,
    "uncheck": unchecks,
    "select_option": chooses,
    "upload_file": uploads,
    "download_by_click": downloads,
    "solve_form": fills_in,
    "switch_frame": stays_in_a_frame,
    "get_attribute": reads_an_attribute,
    "extract_text": reads_text,
    "extract_data": reads_rows,
    "wait_for": waits,
    "assert_page": asserts,
    "screenshot": takes_pictures,
    "scroll": scrolls,
    "handle_dialog": answers_dialogs,
    "execute_script": runs_scripts,
    "switch_tab": goes_to_tabs,
    "close_tab": closes_tabs,
    "save_pdf": prints,
    "html_to_pdf": prints_html,
    "generate_report": prints_reports,
    "set_cookies": keeps_cookies,
    "get_cookies": reads_cookies,
    "clear_cookies": forgets_cookies,
    "navigate": opens,
    "reload": loads_again,
    "go_back": goes_back,
    "go_forward": goes_forward,
}


@pytest.fixture
def hand(run_step, step_ctx, browser, site):
    """Opens the page of a place; gives what runs steps there."""
    headers = {"Content-Disposition": "attachment; filename=c.txt"}
    site.server.answers("/file", body=b"hello", headers=headers)
    site.add("/elements", ELEMENTS)
    site.add("/tab", "tab")

    def make(place: Place) -> Hand:
        site.show(f"{SCRIPT}{place.body}")

        def run(name: str, **params: Any) -> Any:
            ctx = step_ctx(browser=browser)
            if name == "upload_file":
                ctx.files.write_bytes("a.txt", b"hello")
            return run_step(name, params, ctx), ctx

        return Hand(run, browser, place)

    return make


@pytest.mark.parametrize("name", PLACES)
def test_every_step_works_in_every_place(hand, name):
    at = hand(PLACES[name])
    for step, work in STEPS.items():
        at.disturb()
        try:
            work(at)
            # Files are given to fields that nobody sees, too.
            early = at.early()
            assert early == "" or step == "upload_file"
        except BaseException as error:
            error.add_note(f"by the step {step}")
            raise


def test_no_step_that_needs_a_browser_is_left_out():
    registry.load()
    kinds = [one for one in registry.all_types() if not isinstance(one, BlockType)]
    needed = {
        kind.name
        for kind in kinds
        if kind.needs_browser and type(kind).__module__.startswith("apps.steps.")
    }
    assert needed == set(STEPS)
