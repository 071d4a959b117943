import io
import struct

import pytest
from PIL import Image

from apps.executions.engine.masking import Masker
from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser


def size(ctx, name="screenshot.png"):
    content, content_type = ctx.artifacts.saved[name]
    assert content.startswith(b"\x89PNG")
    assert content_type == "image/png"
    return struct.unpack(">II", content[16:24])


def test_keeps_a_picture_of_the_view(on_page, site):
    site.show("<p>hello</p>")
    output, ctx = on_page("screenshot")
    assert output["name"] == "screenshot.png"
    assert output["bytes"] > 0
    assert size(ctx)[0] == 1280


def test_shows_all_of_a_long_page(on_page, site):
    site.show("<div style='height:3000px'>long</div>")
    _, ctx = on_page("screenshot", full_page=True, name="long")
    assert size(ctx, "long.png")[1] >= 3000


def test_a_page_without_end_is_cut_off(on_page, site):
    site.show("<div style='height:900000px'>long</div>")
    _, ctx = on_page("screenshot", full_page=True)
    assert size(ctx)[1] == 16_000


def test_shows_one_element(on_page, site):
    site.show("<div id=a style='width:120px;height:80px;background:red'></div>")
    _, ctx = on_page("screenshot", target="#a")
    assert size(ctx) == (120, 80)


@pytest.mark.parametrize("name", ["../x.png", "a/b.png", "", ".x", "x" * 200, "a\nb"])
def test_the_name_is_one_plain_word(run_step, name):
    with pytest.raises(ValueError, match="name"):
        run_step("screenshot", {"name": name})


def test_masked_elements_are_drawn_over(on_page, browser, site):
    box = "<div class={} style='width:120px;height:80px;background:{}'></div>"
    site.show(box.format("a", "red"))
    _, red = on_page("screenshot", target=".a")
    _, masked = on_page("screenshot", target=".a", mask=[".a"])
    assert browser.find_all("rpa-mask") == []
    site.show(box.format("a", "black"))
    _, black = on_page("screenshot", target=".a")
    pictures = [one.artifacts.saved["screenshot.png"] for one in (red, masked, black)]
    assert pictures[0] != pictures[1] == pictures[2]


def test_masks_lie_above_dialogs(on_page, site):
    box = "<div id=a style='width:90px;height:50px;background:{}'></div>"
    bare = "border:0;padding:0;outline:0"
    dialog = f"<dialog id=d style='{bare}'>{{}}</dialog><script>{{}}</script>"
    pictures = []
    for color, mask in (("red", ["#a"]), ("black", [])):
        site.show(dialog.format(box.format(color), "d.showModal()"))
        _, ctx = on_page("screenshot", target="#a", mask=mask)
        pictures.append(ctx.artifacts.saved["screenshot.png"])
    assert pictures[0] == pictures[1]


def test_takes_no_picture_when_a_mask_is_not_there(failure_of, site):
    site.show("<p>secret</p>")
    error = failure_of("screenshot", mask=["#none"])
    assert error.code == "element_not_found"


VALUE = "hünter2-🔑&more"
RED = (255, 0, 0)
FIELD = "<style>#a { all: unset; background: red; color: red; width: 300px }</style>"
SHADOW = "\"<b style='background:red;color:red'></b>\""
PAINTED = f"""{FIELD}<p>hello</p><input id=a><div style='height:2000px'></div>
<p id=deep></p><div style='height:2000px'></div><script>
deep.attachShadow({{mode: 'open'}}).innerHTML = {SHADOW}
</script>"""


@pytest.fixture
def shown(host, site, run_step, step_ctx):
    """Types a secret into a page's field, takes pictures; gives the colors of them."""
    with BrowserSession(host, secrets=Masker({"key": VALUE}, "")) as own:

        def colors(body, *, text=VALUE, field="#a", script="", **params):
            own.goto(site.add("/secret", body))
            typing = {"target": field, "text": text}
            run_step("type", typing, step_ctx(browser=own))
            own.driver.execute_script(script)
            ctx = step_ctx(browser=own)
            run_step("screenshot", params, ctx)
            with Image.open(io.BytesIO(ctx.artifacts.saved["screenshot.png"][0])) as it:
                image = it.convert("RGB")
            assert own.find_all("rpa-mask") == []
            return {color for _, color in image.getcolors(1 << 24)}

        yield colors


@pytest.mark.parametrize("params", [{}, {"full_page": True}, {"target": "#a"}])
def test_a_secret_that_was_typed_is_black(shown, params):
    assert RED in shown(PAINTED, text="no secret", **params)
    colors = shown(PAINTED, **params)
    assert RED not in colors
    assert (0, 0, 0) in colors


@pytest.mark.parametrize("params", [{"full_page": True}, {"target": "#deep"}])
def test_a_secret_that_the_page_shows_is_black_wherever_it_stands(shown, params):
    show = "deep.shadowRoot.querySelector('b').textContent = '{}'; scrollTo(0, {})"
    hide = "; a.remove()"
    assert RED in shown(PAINTED, script=show.format("free", 0) + hide, **params)
    for y in (0, 900):
        assert RED not in shown(PAINTED, script=show.format(VALUE, y) + hide, **params)


def test_a_secret_in_a_frame_is_black(shown, site):
    inner = site.add("/in", f"{FIELD}<input id=a>").replace("127.0.0.1", "localhost")
    body = f"<div style='height:900px'></div><iframe id=f src={inner}></iframe>"
    target = {"primary": "#a", "frame": "#f"}
    for params in ({"full_page": True}, {"target": target}):
        assert RED in shown(body, text="free", field=target, **params)
        assert RED not in shown(body, field=target, **params)


def test_a_secret_in_a_bar_that_stays_in_view_is_black(shown):
    bar = f"<b style='position:fixed;top:0;background:red;color:red'>{VALUE}</b>"
    for params in ({}, {"full_page": True}):
        assert RED not in shown(PAINTED + bar, script="scrollTo(0, 700)", **params)


def test_a_secret_that_comes_with_the_element_is_black(shown):
    late = f"setTimeout(() => {{ a.outerHTML = '<p id=b>{VALUE}</p>' }}, 400)"
    style = "<style>#b { background: red; color: red; display: inline-block }</style>"
    assert RED not in shown(PAINTED + style, text="x", script=late, target="#b")
