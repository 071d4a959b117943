import struct

import pytest

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
