import pytest

pytestmark = pytest.mark.browser

COUNTER = "onclick='this.dataset.clicks = (this.dataset.clicks | 0) + 1'"


def clicks(browser, css="button"):
    return browser.driver.execute_script(
        "return document.querySelector(arguments[0]).dataset.clicks", css
    )


@pytest.mark.parametrize(
    "target",
    [
        "#save",
        "css=button.big",
        "xpath=//button[2]",
        "//button[2]",
        "text=Save  all",
        "text=save",
        'role=button[name="Save all"]',
        "role=button[name=save]",
        "testid=save-button",
        {"primary": "#nope", "fallbacks": ["text=Save all"]},
    ],
)
def test_finds_the_element_by_every_kind_of_selector(on_page, browser, site, target):
    more = "id=save class=big data-testid=save-button"
    site.show(f"<button>No</button><button {more} {COUNTER}>Save <b>all</b></button>")
    on_page("click", target=target)
    assert clicks(browser, "#save") == "1"


def test_selector_is_another_name_for_target(on_page, browser, site):
    site.show(f"<button {COUNTER}>Save</button>")
    on_page("click", selector="button")
    assert clicks(browser) == "1"


def test_warns_when_a_fallback_had_to_do(on_page, site):
    site.show("<button>Save</button>")
    target = {"primary": "#gone", "fallbacks": ["role=button"]}
    _, ctx = on_page("click", target=target)
    assert ctx.warnings == [
        "`css #gone` found nothing; used the fallback `role button`."
    ]


def test_a_missing_element_names_the_selector(run_step, step_ctx, browser, site):
    site.show("<button id=submit>Send</button>")
    ctx = step_ctx(browser=browser)
    with pytest.raises(Exception, match="css #submitt") as caught:
        run_step("click", {"target": "#submitt", "timeout": 0.2}, ctx)
    assert caught.value.code == "element_not_found"
    assert caught.value.details["near"] == ["#submit"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [("[[", "CSS"), ("xpath=//a[", "XPath"), ('a"]); alert(1); //', "CSS")],
)
def test_a_broken_selector_says_what_it_was_read_as(failure_of, site, target, kind):
    site.show("x")
    error = failure_of("click", target=target, timeout=0.2)
    assert error.code == "invalid_selector"
    assert f"read as {kind}" in error.message


@pytest.mark.parametrize("target", ["", " ", "text=", "role=a b", "x" * 2001, {}])
def test_refuses_what_is_no_selector_when_it_is_saved(run_step, target):
    with pytest.raises(ValueError, match="target"):
        run_step("click", {"target": target})


def test_waits_until_the_element_can_be_clicked(on_page, browser, site):
    later = "setTimeout(() => document.querySelector('button').disabled = false, 200)"
    site.show(f"<button disabled {COUNTER}>Go</button><script>{later}</script>")
    on_page("click", target="button")
    assert clicks(browser) == "1"


def test_waits_until_nothing_covers_the_element(on_page, browser, site):
    cover = "<div id=c style='position:fixed;inset:0;background:#fff'></div>"
    later = "setTimeout(() => document.getElementById('c').remove(), 300)"
    site.show(f"<button {COUNTER}>Go</button>{cover}<script>{later}</script>")
    on_page("click", target="button")
    assert clicks(browser) == "1"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<button hidden>Go</button>", "hidden"),
        ("<button disabled>Go</button>", "disabled"),
        (
            "<button>Go</button><div id=veil style='position:fixed;inset:0'></div>",
            "covered by `div#veil`",
        ),
    ],
)
def test_says_what_is_in_the_way(failure_of, site, body, why):
    site.show(body)
    error = failure_of("click", target="button", timeout=0.3)
    assert error.code == "element_not_ready"
    assert why in error.message


def test_clicks_the_visible_one_of_several(on_page, browser, site):
    site.show(f"<button hidden>Go</button><button id=b {COUNTER}>Go</button>")
    on_page("click", target="text=Go")
    assert clicks(browser, "#b") == "1"


def test_reaches_into_frames(on_page, browser, site):
    inner = site.add("/inner", f"<button {COUNTER}>In</button>")
    site.show(f"<p>out</p><iframe id=f src='{inner}'></iframe>")
    on_page("click", target={"primary": "text=In", "frame": "#f"})
    assert browser.text("p") == "out"
    assert browser.text({"primary": "button", "frame": ["#f"]}) == "In"


def test_a_click_that_leads_on_is_followed(on_page, browser, site):
    site.add("/next", "<p>arrived</p>")
    site.show("<a href=/next>Next</a>")
    on_page("click", target="role=link[name='Next']")
    assert browser.text("p") == "arrived"


HEARS = """<button id=b>Go</button><p id=p></p><script>
  for (const name of ['click', 'dblclick', 'contextmenu', 'auxclick']) {
    b.addEventListener(name, (event) => {
      const held = event.shiftKey ? '+shift' : '';
      p.append(`${name}${event.button}${held} `);
    });
  }
</script>"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"button": "right"}, "contextmenu2"),
        ({"button": "middle"}, "auxclick1"),
        ({"button": "double"}, "click0 click0 dblclick0"),
        ({"modifiers": ["Shift"]}, "click0+shift"),
        ({"force": True}, "click0"),
    ],
)
def test_clicks_in_other_ways(on_page, browser, site, more, expected):
    site.show(HEARS)
    on_page("click", target="#b", **more)
    assert expected in browser.text("#p")


def test_force_clicks_what_is_hidden(on_page, browser, site):
    site.show(f"<button hidden {COUNTER}>Go</button>")
    on_page("click", target="button", force=True)
    assert clicks(browser) == "1"


def test_no_button_clicks_what_is_covered(failure_of, site):
    site.show("<button>Go</button><div style='position:fixed;inset:0'></div>")
    error = failure_of("click", target="button", button="right", timeout=0.3)
    assert error.code == "element_not_ready"
    assert "covered" in error.message


def test_force_clicks_in_other_ways_what_lies_on_top(on_page, browser, site):
    veil = "<div id=veil style='position:fixed;inset:0' onauxclick='p.append(1)'></div>"
    site.show(f"<button>Go</button><p id=p></p>{veil}")
    on_page("click", target="button", button="middle", force=True)
    assert browser.text("#p") == "1"


def test_a_double_click_is_counted_already(run_step):
    with pytest.raises(ValueError, match="two clicks already"):
        run_step("click", {"target": "a", "button": "double", "count": 2})


def test_clicks_at_a_position_and_as_often_as_asked(on_page, failure_of, browser, site):
    write = "p.textContent = [event.offsetX, event.offsetY, event.detail]"
    site.show(
        "<div style='height:2000px'></div><div id=a style='width:90px;height:50px' "
        f"onclick='{write}'></div><p id=p></p>"
    )
    on_page("click", target="#a", position={"x": 7, "y": 40}, count=3)
    assert browser.text("#p") == "7,40,3"
    on_page("click", target="#a", position={"x": 80, "y": 4}, force=True)
    assert browser.text("#p") == "80,4,1"
    error = failure_of("click", target="#a", position={"x": 91, "y": 4})
    assert error.code == "bad_position"
    assert "90 pixels wide and 50 high" in error.message


def test_keys_are_held_while_the_middle_button_is_clicked(on_page, browser, site):
    site.show("<b id=b onauxclick='p.textContent = event.shiftKey'>Go</b><p id=p></p>")
    on_page("click", target="#b", button="middle", modifiers=["Shift"], count=2)
    assert browser.text("#p") == "true"


# Moves by script alone, one step a frame, so that it is at rest after half a second.
MOVES = """<button id=b style='position:absolute;left:0'>Go</button><script>
  let left = 0;
  const step = () => {
    b.style.left = `${left += 10}px`;
    if (left < 400) requestAnimationFrame(step);
  };
  b.onclick = () => { document.title = left };
  step();
</script>"""


def test_waits_until_a_script_moves_it_no_more(on_page, browser, site):
    site.show(MOVES)
    on_page("click", target="#b")
    assert browser.state()["title"] == "400"


def test_what_never_rests_is_an_error_but_for_endless_animations(
    on_page, failure_of, browser, site
):
    site.show(MOVES.replace("left < 400", "true"))
    error = failure_of("click", target="#b", timeout=0.3)
    assert "found 1, moving" in error.message
    endless = "{duration: 90, iterations: Infinity}"
    move = f"b.animate([{{left: 0}}, {{left: '9px'}}], {endless})"
    button = f"<button id=b {COUNTER} style='position:relative'>Go</button>"
    site.show(f"{button}<script>{move}</script>")
    on_page("click", target="#b")
    assert clicks(browser, "#b") == "1"


def test_a_button_that_is_drawn_anew_is_clicked_once(on_page, browser, site):
    anew = "setInterval(() => { if (!window.n) b.outerHTML = b.outerHTML }, 150)"
    site.show(
        "<button id=b onclick='window.n = (window.n || 0) + 1; document.title = n'>"
        f"Go</button><script>{anew}</script>"
    )
    on_page("click", target="#b")
    assert browser.state()["title"] == "1"


def test_a_button_that_is_drawn_anew_without_end_is_an_error(failure_of, site):
    anew = (
        "const f = () => { b.outerHTML = b.outerHTML; requestAnimationFrame(f) }; f()"
    )
    site.show(f"<button id=b>Go</button><script>{anew}</script>")
    error = failure_of("click", target="#b", timeout=0.3)
    assert error.code == "element_not_ready"
    assert "replaced again and again" in error.message


def test_of_many_the_first_visible_one_is_clicked_with_a_warning(
    on_page, browser, site
):
    many = "".join(f"<button id=b{n} {COUNTER}>Go</button>" for n in range(36))
    site.show(f"<button hidden>Go</button>{many}")
    _, ctx = on_page("click", target="css=button")
    assert clicks(browser, "#b0") == "1"
    assert ctx.warnings == [
        "`css button` fits 37 elements, 36 of them visible; used the first that was "
        "ready, `button#b0`."
    ]


def test_every_selector_that_was_tried_is_named_with_its_kind(failure_of, site):
    site.show(
        "<button hidden>Send</button><p>Send it</p><iframe id=f srcdoc='<i>x'></iframe>"
    )
    target = {"primary": "text=Gone", "fallbacks": ["button", "//b", "role=link"]}
    error = failure_of("click", target=target, timeout=0.2)
    assert error.message.endswith(
        "`text Gone` found nothing; `css button` found 1, hidden; "
        "`xpath //b` found nothing; `role link` found nothing."
    )
    error = failure_of("click", target="i", timeout=0.2)
    assert error.code == "element_not_found"
    assert "It is in the frame `iframe#f`" in error.message


def test_a_frame_that_is_not_there_is_named(failure_of, site):
    site.show("<button>Go</button>")
    target = {"primary": "button", "frame": "#gone"}
    error = failure_of("click", target=target, timeout=0.2)
    assert "There is no frame `#gone`" in error.message


def test_a_bar_at_the_edge_does_not_cover_what_can_be_scrolled(on_page, browser, site):
    bar = (
        "<div style='position:fixed;top:0;left:0;right:0;height:60px;background:#fff'>"
    )
    gap = "<div style='height:3000px'></div>"
    site.show(f"{bar}bar</div>{gap}<button {COUNTER}>Go</button>{gap}")
    browser.driver.execute_script("scrollTo(0, 3000)")
    on_page("click", target="button")
    assert clicks(browser) == "1"
