"""Steps that work on fields wait until nothing lies above these, or moves them."""

import pytest

pytestmark = pytest.mark.browser

# Notes what happens while something lies above all.
VEIL = """<style>div.veil { position: fixed; inset: 0; background: #eef; z-index: 9 }
</style><div class=veil></div><script>
const early = [];
const names = ['input', 'change', 'keydown', 'focusin', 'mousedown', 'click'];
const note = (event) => early.push(event.type);
for (const name of names) document.addEventListener(name, note, true);
window.lift = () => {
  document.querySelector('.veil').remove();
  for (const name of names) document.removeEventListener(name, note, true);
};
if (LIFTS) setTimeout(lift, 300);
</script>"""
FORM = """<form onsubmit="event.preventDefault(); document.title = 'sent'">
<label>Name <input id=name></label><div contenteditable id=note>old</div>
<label>Size <select id=size><option>Small<option>Large</select></label>
<label><input id=agree type=checkbox> I agree</label><b id=card>Card</b>
<div style="height:3000px">long</div><label>Town <input id=town></label>
<div id=end onmouseup="this.textContent = 'dropped'">Drop here</div></form>"""
INSIDE = f"""<x-form id=x></x-form><script>
x.attachShadow({{mode: 'open'}}).innerHTML = `{FORM}`</script>"""
CASES = {
    "type": {"target": "#name", "text": "Ada"},
    "type below": {"target": "#town", "text": "Ada"},
    "type keys": {"target": "#name", "text": "Ada", "keys": True},
    "type rich": {"target": "#note", "text": "Ada"},
    "press_key": {"target": "#name", "keys": ["A", "d", "a"]},
    "select_option": {"target": "#size", "label": "Large"},
    "solve_form": {"fields": {"Name": "Ada", "Size": "Large", "Town": "Oslo"}},
    "check": {"target": "#agree"},
}
READ = {"press_key": "#name", "solve_form": "#town", "check": "#agree"}


def read(browser, case):
    target = READ.get(case, CASES[case].get("target"))
    return browser.text(target)


@pytest.mark.parametrize("body", [FORM, INSIDE], ids=["page", "shadow"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_done_under_a_cover(on_page, browser, site, case, body):
    site.show(body + VEIL.replace("LIFTS", "true"))
    on_page(case.split()[0], **CASES[case])
    assert browser.driver.execute_script("return early") == []
    assert read(browser, case) in ("Ada", "Oslo", "Large", "true")


@pytest.mark.parametrize("case", CASES)
def test_a_cover_that_stays_is_named_and_force_does_without(
    on_page, failure_of, browser, site, case
):
    site.show(FORM + VEIL.replace("LIFTS", "false"))
    step, before = case.split()[0], read(browser, case)
    error = failure_of(step, timeout=0.2, **CASES[case])
    assert error.code == "element_not_ready"
    assert "covered by `div.veil`" in error.message
    assert read(browser, case) == before
    if case != "type keys":
        on_page(step, force=True, **CASES[case])
        assert read(browser, case) in ("Ada", "Oslo", "Large", "true")


def test_a_covered_field_in_a_frame_is_waited_for(on_page, browser, site):
    inner = site.add("/inner", FORM + VEIL.replace("LIFTS", "true"))
    site.show(f"<iframe id=f src={inner} style='width:500px;height:300px'></iframe>")
    target = {"primary": "#town", "frame": "#f"}
    on_page("type", target=target, text="Oslo")
    assert browser.text(target) == "Oslo"
    with browser.commanding() as driver:
        browser.enter_frames(driver, ("#f",))
        assert driver.execute_script("return early") == []


@pytest.mark.parametrize("step", ["type", "click"])
def test_what_lies_above_the_frame_counts(on_page, failure_of, browser, site, step):
    inner = "<input id=a onclick='this.value = 1'>"
    frame = f"<iframe id=f src={site.add('/inner', inner)}></iframe>"
    site.show(frame + VEIL.replace("LIFTS", "false"))
    params = {"target": {"primary": "#a", "frame": "#f"}}
    params |= {"text": "1"} if step == "type" else {}
    error = failure_of(step, timeout=0.3, **params)
    assert "covered by `div.veil`" in error.message
    on_page("execute_script", script="setTimeout(lift, 200)")
    on_page(step, **params)
    assert browser.text(params["target"]) == "1"


def test_where_something_is_dropped_must_not_be_covered(
    on_page, failure_of, browser, site
):
    veil = "<div id=v style='position:absolute;inset:0;background:#eef'></div>"
    end = "<div id=end onmouseup='this.append(\"dropped\")' style='position:relative'>"
    site.show(f"<p id=card>Card</p>{end}Here{veil}</div>".replace(veil, "") + veil)
    # Above both; the card alone is lifted out.
    browser.driver.execute_script(
        "card.style.cssText = 'position:relative;z-index:1;width:50px'"
    )
    error = failure_of("drag_and_drop", target="#card", to="#end", timeout=0.2)
    assert "covered by `div#v`" in error.message
    browser.driver.execute_script("setTimeout(() => v.remove(), 200)")
    on_page("drag_and_drop", target="#card", to="#end")
    assert "dropped" in browser.text("#end")


def test_a_field_that_slides_in_is_waited_for(on_page, browser, site):
    site.show(
        "<style>@keyframes in { from { translate: 0 300px } }"
        "#a { animation: in .3s }</style><input id=a><script>const heard = [];"
        "for (const name of ['input', 'animationend']) "
        "a.addEventListener(name, () => heard.push(name))</script>"
    )
    on_page("type", target="#a", text="x")
    heard = browser.driver.execute_script("return heard")
    assert heard == ["animationend", "input"]


HIDDEN = "position:absolute;width:1px;height:1px;clip:rect(0 0 0 0)"
FREE = {
    "label around": "<label><span style='position:absolute'>Name</span><input id=a>",
    "label above": (
        "<div style='position:relative'><input id=a style='width:300px'><label for=a "
        "style='position:absolute;inset:0'>Name</label></div>"
    ),
    "drawn over": (
        "<div style='position:relative;width:300px'><input id=a style='width:300px'>"
        "<i style='position:absolute;left:80px;right:80px;top:0'>Your name</i></div>"
    ),
    "behind a drawing": (
        f"<div style='width:200px'><input id=a style='{HIDDEN}'>"
        "<div style='height:40px;background:#eee'>Name</div></div>"
    ),
    "see-through": (
        "<div style='position:relative;width:200px;height:30px'><input id=a style='"
        "position:absolute;opacity:0;z-index:-1'><b style='position:absolute;inset:0'>"
        "</b></div>"
    ),
    "out of all views": "<input id=a style='position:absolute;left:-9999px'>",
    "taller than the view": "<textarea id=a style='height:3000px'></textarea>",
    "under a bar": (
        "<div style='height:2000px'></div><input id=a><div style='height:2000px'></div>"
        "<div style='position:fixed;left:0;right:0;bottom:0;height:300px'>bar</div>"
    ),
    "colored by the focus": (
        "<style>#a { transition: border-color 60s } #a:focus { border-color: red }"
        "</style><input id=a autofocus>"
    ),
    "under what lets clicks through": (
        "<input id=a><div style='position:fixed;inset:0;pointer-events:none'></div>"
    ),
}


@pytest.mark.parametrize("case", FREE)
def test_what_only_looks_covered_is_typed_into(on_page, browser, site, case):
    site.show(FREE[case])
    for text in ("Ada", "Eve"):
        on_page("type", target="#a", text=text, timeout=0.5)
        assert browser.text("#a") == text


def test_selects_and_boxes_behind_drawings_are_worked_on(on_page, browser, site):
    drawn = "<div style='height:40px;background:#eee'>drawn</div>"
    site.show(
        f"<div><select id=s aria-label=Size style='{HIDDEN}'><option>Small<option>"
        f"Large</select>{drawn}</div><label>Yes <input type=checkbox id=c style="
        f"'opacity:0;position:absolute;z-index:-1'>{drawn}</label>"
    )
    on_page("select_option", target="#s", label="Large", timeout=0.5)
    assert browser.text("#s") == "Large"
    on_page("solve_form", fields={"Size": "Small", "Yes": True}, timeout=0.5)
    assert (browser.text("#s"), browser.text("#c")) == ("Small", "true")
