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


def test_a_missing_element_names_the_selector_and_keeps_a_picture(
    run_step, step_ctx, browser, site
):
    site.show("<button id=submit>Send</button>")
    ctx = step_ctx(browser=browser)
    with pytest.raises(Exception, match="css #submitt") as caught:
        run_step("click", {"target": "#submitt", "timeout": 0.2}, ctx)
    assert caught.value.code == "element_not_found"
    assert caught.value.details["near"] == ["#submit"]
    assert caught.value.details["screenshot"]["name"] == "failure.png"
    assert ctx.artifacts.saved["failure.png"][0].startswith(b"\x89PNG")


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
            "<button>Go</button><div style='position:fixed;inset:0'></div>",
            "not clickable",
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


def test_force_is_for_the_usual_click(run_step):
    with pytest.raises(ValueError, match="force"):
        run_step("click", {"target": "a", "button": "right", "force": True})
