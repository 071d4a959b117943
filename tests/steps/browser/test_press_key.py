import pytest

from apps.steps.base import Effect
from apps.steps.browser.press_key import PressKey, PressKeyParams

pytestmark = pytest.mark.browser

HEARD = 'onkeydown=\'p.append((event.ctrlKey ? "^" : "") + event.key + " ")\''


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("Enter", "Enter"),
        ("a", "a"),
        ("+", "+"),
        ("control+A", "^Control ^a"),
        ("Control++", "^Control ^+"),
        (["Tab"], "Tab"),
        (["x", "ArrowDown", "F2", "Shift+Space", "y"], "x ArrowDown F2 Shift y"),
    ],
)
def test_presses_keys_in_the_target(on_page, browser, site, keys, expected):
    site.show(f"<input id=a {HEARD}><p id=p></p>")
    on_page("press_key", keys=keys, target="#a")
    assert browser.text("#p").lower() == expected.lower()


def test_without_a_target_what_has_the_focus_gets_them(on_page, browser, site):
    site.show("<input autofocus id=a value=old>")
    browser.wait_for("#a", 5, "acting.focus")
    on_page("press_key", keys=["Control+a", "n", "Shift+e", "w"])
    assert browser.text("#a") == "nEw"


def test_reaches_into_frames(on_page, browser, site):
    site.show(f"<iframe id=f src='{site.add('/in', '<input id=a>')}'></iframe>")
    target = {"primary": "#a", "frame": "#f"}
    on_page("press_key", keys="x", target=target)
    assert browser.text(target) == "x"


@pytest.mark.parametrize(
    ("body", "code"), [("<p id=a>x</p>", "not_focusable"), ("x", "element_not_found")]
)
def test_says_what_cannot_have_keys(failure_of, site, body, code):
    site.show(body)
    assert failure_of("press_key", keys="x", target="#a", timeout=0.3).code == code


@pytest.mark.parametrize("keys", ["", [], "Entr", "Hyper+A", "A+B", ["a", "bc"]])
def test_refuses_what_no_keyboard_has(run_step, keys):
    with pytest.raises(ValueError, match="keys"):
        run_step("press_key", {"keys": keys})


@pytest.mark.parametrize(
    ("keys", "effect"),
    [("Tab", Effect.PAGE), (["Home", "Enter"], Effect.WRITE), ("x", Effect.WRITE)],
)
def test_only_keys_that_move_leave_the_world_alone(keys, effect):
    params = PressKeyParams.model_validate({"keys": keys})
    assert PressKey().effect_of(params) is effect
