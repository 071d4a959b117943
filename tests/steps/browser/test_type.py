import pytest

from apps.steps.base import Effect
from apps.steps.browser.type import Type, TypeParams

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("field", "target"),
    [
        ("<label for=a>First  name</label><input id=a>", "label=First name"),
        ("<label>First name: <input id=a></label>", "label=first name"),
        ("<input id=a aria-label='First name'>", "label=First name"),
        ("<b id=t>First name</b><input id=a aria-labelledby=t>", "label=First name"),
        ("<div><label>First name</label><input id=a></div>", "label=First name"),
        ("<input id=a placeholder='First name'>", "placeholder=first"),
        (
            "<label for=a>First name</label><input id=a>",
            "role=textbox[name='First name']",
        ),
    ],
)
def test_finds_fields_the_way_people_do(on_page, browser, site, field, target):
    site.show(f"<div><label>Name<input id=b></label></div>{field}")
    on_page("type", target=target, text="Ada")
    assert browser.text("#a") == "Ada"


def test_an_exact_label_wins_over_one_that_contains_it(on_page, browser, site):
    fields = "<label>Company name<input id=a></label><label>Name<input id=b></label>"
    site.show(fields)
    on_page("type", target="label=Name", text="Ada")
    assert (browser.text("#a"), browser.text("#b")) == ("", "Ada")


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, "new"), ({"clear": False}, "oldnew"), ({"keys": True}, "new")],
)
def test_replaces_or_adds_to_what_stands_there(on_page, browser, site, more, expected):
    site.show("<input id=a value=old>")
    on_page("type", target="#a", text="new", **more)
    assert browser.text("#a") == expected


def test_the_page_hears_of_it(on_page, browser, site):
    heard = "oninput='heard.textContent += this.value' onchange='heard.append(\"!\")'"
    site.show(f"<input id=a {heard}><input id=b><p id=heard></p>")
    on_page("type", target="#a", text="x")
    on_page("type", target="#b", text="y")
    assert browser.text("#heard") == "x!"


def test_keys_are_pressed_when_asked_for(on_page, browser, site):
    site.show("<input id=a onkeydown='p.append(event.key)'><p id=p></p>")
    on_page("type", target="#a", text="abc", keys=True)
    assert browser.text("#p") == "abc"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("<textarea id=a></textarea>", "two\nlines\tand a tab"),
        ("<input id=a>", "Grüße, 世界 😀"),
        ("<input id=a>", "\ue007\ue009"),
        ("<input id=a>", "/etc/passwd"),
        ("<input id=a>", "{{ secrets.x }}"),
        ("<input id=a type=email>", "ada@example.com"),
        ("<input id=a type=number>", "42.5"),
        ("<input id=a type=date>", "2030-12-31"),
        ("<input id=a type=time>", "23:59"),
        ("<input id=a type=color>", "#00ff00"),
        ("<textarea id=a></textarea>", "x" * 50_000),
        ("<input id=a value=full>", ""),
    ],
)
def test_the_field_holds_exactly_the_text(on_page, browser, site, field, text):
    site.show(field)
    on_page("type", target="#a", text=text)
    assert browser.text("#a") == text


def test_types_into_editable_elements(on_page, browser, site):
    site.show("<div id=a contenteditable>old</div>")
    on_page("type", target="#a", text="new")
    assert browser.text("#a") == "new"


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("<input id=a type=file>", "/etc/passwd", "not_a_text_field"),
        ("<input id=a type=checkbox>", "x", "not_a_text_field"),
        ("<input id=a type=date>", "31.12.2030", "bad_text"),
        ("<input id=a>", "two\nlines", "bad_text"),
        ("<input id=a readonly>", "x", "element_not_ready"),
        ("<p id=a>text</p>", "x", "element_not_ready"),
    ],
)
def test_refuses_what_cannot_be_typed(failure_of, site, field, text, code):
    site.show(field)
    assert failure_of("type", target="#a", text=text, timeout=0.3).code == code


def test_no_error_tells_the_text(run_step, failure_of, site):
    site.show("<input id=a>")
    for error in (
        failure_of("type", target="#a", text="hunter2\n"),
        failure_of("type", target="#b", text="hunter2", timeout=0.2),
    ):
        assert "hunter2" not in f"{error} {error.details}"
    with pytest.raises(ValueError, match="text") as caught:
        TypeParams.model_validate({"target": "#a", "text": ["hunter2"]})
    assert "hunter2" not in str(caught.value)
    params = TypeParams.model_validate({"target": "#a", "text": "hunter2"})
    assert "hunter2" not in repr(params) + Type().summary(params)


def test_enter_is_a_write(on_page, browser, site):
    site.add("/found", "<p>found</p>")
    site.show("<form action=/found><input name=q></form>")
    on_page("type", target="[name=q]", text="ada", submit=True)
    assert browser.text("p") == "found"
    params = TypeParams.model_validate({"target": "a", "text": "", "submit": True})
    assert Type().effect_of(params) is Effect.WRITE


def test_a_field_that_is_drawn_anew_is_found_again(on_page, browser, site):
    anew = "setTimeout(() => { this.outerHTML = this.outerHTML }, 0)"
    site.show(f"<input id=a onfocus='if (!window.n) {{ n = 1; {anew} }}'>")
    on_page("type", target="#a", text="once", keys=True)
    assert browser.text("#a") == "once"


def test_warns_when_the_field_cuts_the_text(on_page, browser, site):
    site.show("<input id=a maxlength=3>")
    _, ctx = on_page("type", target="#a", text="abcdef")
    assert browser.text("#a") == "abc"
    assert "something else" in ctx.warnings[0]


def test_waits_between_keys_and_presses_more_of_them(on_page, browser, site):
    hear = "onkeydown='heard.push([event.key, Math.round(event.timeStamp)])'"
    site.show(f"<input id=a {hear}><input id=b {hear}><script>var heard = []</script>")
    on_page("type", target="#a", text="ab", delay="60ms", press=["Tab", "Shift+X"])
    (a, at), (b, later), (tab, _), *rest = browser.driver.execute_script("return heard")
    assert (a, b, tab, rest[-1][0]) == ("a", "b", "Tab", "X")
    assert later - at >= 55
    assert browser.text("#b") == "X"


@pytest.mark.parametrize(
    ("press", "effect"), [(["Tab"], Effect.PAGE), ("Control+Enter", Effect.WRITE)]
)
def test_keys_that_do_more_than_move_are_a_write(press, effect):
    params = TypeParams.model_validate({"target": "a", "text": "", "press": press})
    assert Type().effect_of(params) is effect
    assert Type().summary(params) == f"type into a and press {''.join(press)}"


@pytest.mark.parametrize("more", [{"press": "Nokey"}, {"delay": "6s"}, {"delay": -1}])
def test_refuses_keys_and_pauses_that_make_no_sense(run_step, more):
    with pytest.raises(ValueError, match=r"Nokey|delay"):
        run_step("type", {"target": "a", "text": "x", **more})
