"""Targets in open shadow roots, and targets that are no good."""

import pytest

from apps.core.errors import RpaError
from apps.steps.browser.session import BrowserSession
from tests.fixtures_browser import running_host

pytestmark = pytest.mark.browser

# A component in a component, its content handed in by a slot; parts before and after.
SHADOW = """
<button>First</button>
<x-form id=form><b slot=legend>Address <i>book</i></b></x-form>
<button>Last</button>
<script>
  class Inner extends HTMLElement {
    connectedCallback() {
      this.attachShadow({mode: 'open'}).innerHTML = `
        <style>p {color: red}</style>
        <label for=town>Town</label><input id=town placeholder="Where to?">
        <label><input type=checkbox id=agree> I agree</label>
        <select id=size multiple><option>S<option>M<option>L</select>
        <input type=file id=file>
        <div contenteditable id=note>old</div>
        <button class=save data-testid=save-it>Save <i>it</i></button>
        <a href=/next>Next</a><p class=row>one</p><p class=row>two</p>`;
    }
  }
  customElements.define('x-inner', Inner);
  const root = form.attachShadow({mode: 'open'});
  root.innerHTML = '<h1><slot name=legend></slot></h1><section><x-inner></x-inner>' +
    '</section><button>Middle</button>';
</script>
"""


SAVES = [
    "button.save",
    "x-form button.save",
    "#form .save",
    "x-form >> x-inner >> [class='save']",
    "//button[@class='save']",
    "(//button)[@class='save']",
    "text=Save it",
    "role=button[name='Save it']",
    "testid=save-it",
]


def test_every_kind_of_selector_finds_what_is_in_shadow_roots(on_page, site):
    site.show(SHADOW)
    for target in SAVES:
        output, ctx = on_page("get_attribute", target=target, attribute="data-testid")
        assert (target, output) == (target, {"value": "save-it"})
        assert ctx.warnings == []


@pytest.mark.parametrize("target", ["label=Town", "placeholder=where", "x-inner input"])
def test_fields_in_shadow_roots_are_typed_into(on_page, browser, site, target):
    site.show(SHADOW)
    on_page("type", target=target, text="Oslo")
    on_page("type", target=target, text="!", clear=False, keys=True)
    assert browser.text("#town") == "Oslo!"


@pytest.mark.parametrize(
    "outside", ["<x-field id=x aria-label=Name>", "<label>Name</label><x-field id=x>"]
)
def test_a_label_outside_names_the_field_inside(on_page, browser, site, outside):
    inside = "x.attachShadow({mode: 'open'}).innerHTML = '<input id=in>'"
    site.show(f"<div>{outside}</x-field></div><script>{inside}</script>")
    on_page("type", target="label=Name", text="Ada")
    assert browser.text("#in") == "Ada"


def test_steps_act_in_shadow_roots(on_page, browser, site):
    site.show(SHADOW)
    for name, params in {
        "check": {"target": "label=I agree"},
        "select_option": {"target": "#size", "label": ["S", "L"]},
        "type": {"target": "#note", "text": "new"},
        "press_key": {"target": "#town", "keys": ["A", "b"]},
        "hover": {"target": "#note"},
        "wait_for": {"target": "p.row", "count": 2, "text": "o"},
        "assert_page": {"target": "p.row", "count": 2},
    }.items():
        on_page(name, **params)
    read = [browser.text(one) for one in ("#agree", "#size", "#note", "#town")]
    assert read == ["true", "S, L", "new", "Ab"]
    on_page("type", target="#note", text="er", clear=False)
    assert browser.text("#note") == "newer"
    filled, _ = on_page("solve_form", fields={"Town": "Bergen", "I agree": False})
    assert filled == {"filled": 2}
    assert (browser.text("#town"), browser.text("#agree")) == ("Bergen", "false")
    on_page("click", target="text=Next")
    assert browser.state()["url"] == site.server.url("/next")


def test_elements_come_in_the_order_in_which_they_are_seen(on_page, browser, site):
    site.show(SHADOW)
    assert [one.text for one in browser.find_all("button")] == [
        *("First", "Save it", "Middle", "Last")
    ]
    rows = browser.extract("p.row", {}, many=True)
    assert rows == [{"text": "one"}, {"text": "two"}]
    fields = {"all": {"target": "p", "many": True}, "h": "h1", "n": "xpath=//p[2]"}
    wanted = {"all": ["one", "two"], "h": "Address book", "n": "two"}
    assert browser.extract(None, fields) == wanted
    assert browser.extract("x-form", fields | {"n": {"attribute": "id"}}) == wanted | {
        "n": "form"
    }


def test_the_text_of_a_page_has_that_of_its_shadow_roots(on_page, browser, site):
    site.show(SHADOW + "<p hidden>never</p>")
    lines = browser.text("x-form").splitlines()
    assert lines[0] == "Address book"
    assert lines[-5:] == ["old", "Save it Next", "one", "two", "Middle"]
    on_page("assert_page", text="Address book Town")
    on_page("wait_for", text="two Middle Last")
    assert "red" not in browser.text("body")
    assert "never" not in browser.text("body")


def test_what_covers_an_element_of_a_shadow_root_is_named(failure_of, on_page, site):
    veil = "<x-veil style='position:fixed;inset:0'></x-veil><script>document"
    inside = "<div class=grey style='position:fixed;inset:0'></div>"
    mode = ".attachShadow({mode: 'open'})"
    site.show(
        f"{SHADOW}{veil}.querySelector('x-veil'){mode}.innerHTML=`{inside}`</script>"
    )
    for name in ("click", "hover", "check"):
        target = "#agree" if name == "check" else "button.save"
        error = failure_of(name, target=target, timeout=0.2)
        assert "covered by `div.grey`" in error.message
    on_page("check", target="#agree", force=True)
    on_page("hover", target="button.save", force=True)


def test_what_is_slotted_in_covers_nothing(on_page, browser, site):
    site.show(
        "<x-b id=x onclick='document.title = 1'>Go</x-b><script>"
        "x.attachShadow({mode: 'open'}).innerHTML = '<button><slot></slot></button>'"
        "</script>"
    )
    on_page("click", target="role=button[name=Go]")
    assert browser.state()["title"] == "1"


def test_files_are_uploaded_in_shadow_roots(run_step, step_ctx, browser, site):
    site.show(SHADOW)
    ctx = step_ctx(browser=browser)
    ctx.files.write_bytes("a.txt", b"hello")
    run_step("upload_file", {"target": "#file", "path": "a.txt"}, ctx)
    assert browser.text("#file").endswith("a.txt")


def test_frames_in_shadow_roots_are_reached(on_page, browser, site):
    inner = site.add("/inner", "<button onclick='this.id = \"hit\"'>In</button>")
    site.show(
        "<x-a></x-a><script>document.querySelector('x-a').attachShadow({mode: 'open'})"
        f".innerHTML = '<iframe id=f src={inner}></iframe>'</script>"
    )
    target = {"primary": "text=In", "frame": "#f"}
    on_page("click", target=target)
    on_page("click", target=target, count=2)
    assert browser.text({"primary": "#hit", "frame": ["#f"]}) == "In"


CLOSED = (
    "<x-card id=card></x-card><div></div><script>card.attachShadow({mode: 'closed'})"
    ".innerHTML = '<button>Pay</button>'</script>"
)


def test_a_closed_shadow_root_is_hinted_at(failure_of, site):
    site.show(CLOSED)
    error = failure_of("click", target="text=Pay", timeout=0.2)
    assert error.code == "element_not_found"
    assert "closed shadow root of `x-card#card`" in error.message
    site.show(CLOSED.replace("closed", "open"))
    error = failure_of("click", target="text=Buy", timeout=0.2)
    assert "closed" not in error.message


QUOTES = [
    "it's",
    'say "hi"',
    "a]b",
    "back\\slash",
    "${1+1}`",
    "'); document.title = 'hacked'; ('",
    '"]); document.title = "hacked"; //',
    "</script><script>document.title='hacked'</script>",
    "\u2028line",
]


def test_quotes_are_part_of_a_selectors_text(on_page, browser, site):
    site.show("<button id=b></button>")
    title = browser.state()["title"]
    for text in QUOTES:
        browser.driver.execute_script("b.textContent = arguments[0]", text)
        on_page("get_attribute", target=f"text={text}", attribute="id")
        for kind in ("css", "xpath", "label", "placeholder", "testid"):
            with pytest.raises(RpaError):
                browser.find(f"{kind}={text}", timeout=0)
    assert browser.state()["title"] == title


@pytest.mark.parametrize("size", [2_001, 1024 * 1024])
def test_a_huge_selector_is_refused_when_it_is_saved(run_step, size):
    with pytest.raises(ValueError, match="2000 characters"):
        run_step("click", {"target": "x" * size})
    with pytest.raises(ValueError, match="2000 characters"):
        run_step("click", {"target": {"primary": "a", "fallbacks": ["b", "x" * size]}})


LARGE = """<div id=all></div><script>
  let html = '';
  for (let n = 0; n < 16666; n++) html += `<div class=a${n}><p>t${n}<b>x</b></p></div>`;
  all.innerHTML = html;
</script>"""


def test_a_page_with_very_many_elements_is_still_answered(on_page, browser, site):
    site.show(LARGE)
    _, ctx = on_page("get_attribute", target="*", attribute="lang")
    assert "fits 50004 elements" in ctx.warnings[0]
    on_page("click", target="text=t16665")
    on_page("wait_for", target="*", count=900, state="attached")
    with pytest.raises(RpaError) as caught:
        browser.extract("*", {}, many=True)
    assert caught.value.code == "too_much_data"


def test_an_xpath_bomb_ends_with_the_browsers_time_limit(site):
    url = site.add("/large", LARGE)
    bomb = "//*[count(//*[count(//*) > 0]) > 0]"
    with running_host(keeps_warm=False) as own, BrowserSession(own) as session:
        session.goto(url)
        session.command_s = 0.3
        with pytest.raises(RpaError, match="looking for `//") as caught:
            session.find(bomb, timeout=0.2)
        assert caught.value.code == "browser_timeout"
        # A browser that is at it still need not be asked to close the page.
        own.stop()


def test_elements_thrown_away_while_they_are_read_are_read_again(on_page, site):
    anew = "setInterval(() => { p.outerHTML = p.outerHTML }, 1)"
    site.show(f"<p id=p>text</p><script>{anew}</script>")
    assert on_page("get_attribute", target="#p", attribute="text")[0] == {
        "value": "text"
    }
