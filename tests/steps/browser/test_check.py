import pytest

pytestmark = pytest.mark.browser

DRAWN = (
    "<style>input {position:absolute;opacity:0;width:0;height:0}</style>"
    "<label>Agree <input type=checkbox id=a><span>box</span></label>"
)
SWITCH = (
    "<div id=a role=switch aria-checked=false "
    "onclick=\"this.setAttribute('aria-checked', 'true')\">On</div>"
)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ("<input type=checkbox id=a>", "#a"),
        ("<label>Agree <input type=checkbox id=a></label>", "label=Agree"),
        ("<label for=a id=l>Agree</label><input type=checkbox id=a>", "#l"),
        ("<label for=a>Agree</label><input type=checkbox id=a>", "text=Agree"),
        ("<input type=radio id=a name=r><input type=radio name=r checked>", "#a"),
        (DRAWN, "label=Agree"),
        (SWITCH, "role=switch"),
    ],
)
def test_ticks_every_kind_of_box_once(on_page, browser, site, body, target):
    site.show(body)
    assert on_page("check", target=target)[0] == {"changed": True}
    assert browser.find_all("#a:checked, #a[aria-checked=true]")
    assert on_page("check", target=target)[0] == {"changed": False}


def test_the_page_hears_of_it(on_page, browser, site):
    site.show("<input type=checkbox id=a onchange='p.append(\"!\")'><p id=p></p>")
    on_page("check", target="#a")
    on_page("check", target="#a")
    assert browser.text("#p") == "!"


def test_waits_until_the_box_is_enabled(on_page, site):
    later = "setTimeout(() => { a.disabled = false }, 200)"
    site.show(f"<input type=checkbox id=a disabled><script>{later}</script>")
    assert on_page("check", target="#a")[0] == {"changed": True}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<p id=a>x</p>", "not_a_checkbox"),
        ("<input type=checkbox id=a disabled>", "element_not_ready"),
        ("<input type=checkbox id=a hidden>", "element_not_ready"),
        ("<input type=checkbox id=a onclick='return false'>", "not_changed"),
        ("<p>x</p>", "element_not_found"),
    ],
)
def test_says_what_cannot_be_ticked(failure_of, site, body, code):
    site.show(body)
    assert failure_of("check", target="#a", timeout=0.3).code == code
