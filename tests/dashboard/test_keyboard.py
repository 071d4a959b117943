"""The main path by keyboard alone: everything is reached, seen, and left again."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from apps.executions.models import Execution
from tests.dashboard.browsing import (
    all_of,
    complaints,
    find,
    resize,
    settled,
    sign_in,
    until,
)
from tests.dashboard.documents import ASKS, FAILS, LOOP

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What has the focus: its words, and what is wrong with how the focus is shown. Its
# outline must lie inside of all that cuts off what stands out.
_FOCUSED = """
    const one = document.activeElement, style = getComputedStyle(one);
    const words = one.id || one.textContent.trim().slice(0, 40) || one.name;
    const said = `${one.nodeName.toLowerCase()} ${words}`;
    if (one === document.body) return [said, ""];
    if (!one.matches(":focus-visible") || style.outlineStyle === "none") {
      return [said, "has no outline"];
    }
    const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
    const box = one.getBoundingClientRect();
    if (box.bottom < 1 || box.right < 1) return [said, "is not on the page"];
    for (let at = one.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).overflowX === "visible") continue;
      const edge = at.getBoundingClientRect();
      const isCut = box.top - out < edge.top - 1 || box.bottom + out > edge.bottom + 1
        || box.left - out < edge.left - 1 || box.right + out > edge.right + 1;
      if (isCut) return [said, `is cut off by ${at.nodeName} ${at.className}`];
    }
    return [said, ""];
"""
# What the tabulator should come to.
_COUNT = """
    const all = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    return [...document.querySelectorAll(`${all}, [tabindex="0"]`)].filter((one) =>
      !one.disabled && one.checkVisibility({ visibilityProperty: true })).length;
"""
_TO_THE_START = "document.activeElement.blur(); scrollTo(0, 0);"


class Keyboard:
    """Somebody without a mouse."""

    def __init__(self, browser) -> None:
        self.browser = browser

    @property
    def focused(self):
        return self.browser.switch_to.active_element

    def press(self, *keys: str, with_: str = "") -> None:
        chain = ActionChains(self.browser)
        if with_:
            chain.key_down(with_).send_keys(*keys).key_up(with_).perform()
        else:
            chain.send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        """Press the tabulator until it comes there."""
        goal = find(self.browser, selector)
        for _ in range(80):
            if self.focused == goal:
                return
            self.press(Keys.TAB)
        raise AssertionError(f"the tabulator never comes to {selector}")

    def round_trip(self) -> list[str]:
        """Go once through the whole page; gives what is wrong on the way."""
        wanted = self.browser.execute_script(_COUNT)
        self.browser.execute_script(_TO_THE_START)
        seen: list[str] = []
        wrong: list[str] = []
        while len(seen) <= wanted + 5:
            if self.focused.get_attribute("id") == "definition":
                self.press(Keys.ESCAPE)
            self.press(Keys.TAB)
            said, problem = self.browser.execute_script(_FOCUSED)
            if said.startswith("body") or (seen and said == seen[0]):
                break
            seen.append(said)
            wrong += [f"{said} {problem}"] if problem else []
        if len(seen) != wanted:
            wrong.append(f"came to {len(seen)} of {wanted}: {seen}")
        return wrong


@pytest.fixture
def keyboard(engine, alice, site, browser):
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    yield Keyboard(browser)
    browser.get("data:,")


def failing() -> dict:
    return ASKS | {"steps": [*LOOP["steps"], *FAILS["steps"]]}


@pytest.mark.parametrize("width", [1280, 390])
def test_all_of_a_page_is_reached_and_the_focus_is_seen(
    engine, site, browser, keyboard, width
):
    failed = engine.run(failing(), inputs={"customer": "42"})
    workflow = f"/workflows/{failed.workflow_id}"
    paths = ["/executions?state=failed", f"/executions/{failed.id}", f"{workflow}/edit"]
    if width > 390:
        paths += ["/", "/workflows", workflow, f"{workflow}/versions"]
    resize(browser, width)
    wrong = []
    for path in paths:
        browser.get(f"{site.url}{path}")
        settled(browser)
        wrong += [f"{path}: {one}" for one in keyboard.round_trip()]
    resize(browser, 1280)
    assert "\n".join(wrong) == ""
    assert complaints(browser) == []


def test_a_workflow_is_run_filtered_and_retried_without_a_mouse(
    engine, site, browser, keyboard
):
    workflow = engine.workflow(failing())
    keyboard.press(Keys.TAB)
    assert keyboard.focused.text == "Skip to content"
    keyboard.press(Keys.ENTER)
    until(browser, lambda: keyboard.focused.get_attribute("id") == "main")
    browser.get(f"{site.url}/")
    keyboard.tab_to("nav a[data-key=w]")
    keyboard.press(Keys.ENTER)
    until(browser, lambda: browser.current_url.endswith("/workflows"))
    keyboard.tab_to("td a.strong")
    keyboard.press(Keys.ENTER)
    keyboard.tab_to("#input-customer")
    keyboard.press("42", Keys.ENTER)
    until(browser, lambda: "/executions/" in browser.current_url)
    execution = newest(engine)
    engine.run_started(str(execution.id))
    browser.get(f"{site.url}/executions")
    keyboard.tab_to("#state")
    keyboard.press("failed", Keys.TAB)
    until(browser, lambda: "state=failed" in browser.current_url)
    keyboard.tab_to(f"#row-{execution.id} a")
    keyboard.press(Keys.ENTER)
    retry_by_keys(browser, keyboard)
    until(browser, lambda: str(execution.id) not in browser.current_url)
    again = newest(engine)
    assert (again.workflow_id, again.inputs["customer"]) == (workflow.id, "43")
    assert again.retry_of == execution.id
    assert complaints(browser) == []


def retry_by_keys(browser, keyboard) -> None:
    """Open the dialog, leave it, open it again, change an input, send it."""
    keyboard.tab_to("[data-retry]")
    keyboard.press(Keys.ENTER)
    find(browser, "#retry[open]")
    keyboard.press(Keys.ESCAPE)
    until(browser, lambda: not all_of(browser, "#retry[open]"))
    # The focus is back where it was.
    assert keyboard.focused == find(browser, "[data-retry]")
    keyboard.press(Keys.ENTER)
    keyboard.tab_to("#retry [name=edit]")
    keyboard.press(Keys.SPACE)
    keyboard.tab_to("#retry-input-customer")
    keyboard.press(Keys.BACKSPACE, Keys.BACKSPACE, "43")
    keyboard.tab_to("#retry .btn.primary")
    keyboard.press(Keys.ENTER)


def newest(engine) -> Execution:
    with engine.scope():
        return Execution.objects.latest("id")


def test_the_editor_is_left_by_keys_and_its_lists_are_used(
    engine, site, browser, keyboard
):
    workflow = engine.workflow(failing())
    browser.get(f"{site.url}/workflows/{workflow.id}/edit")
    settled(browser)
    keyboard.tab_to("#definition")
    keyboard.press(Keys.TAB)
    assert keyboard.focused == find(browser, "#definition")
    keyboard.press("z", with_=Keys.CONTROL)
    keyboard.press(Keys.ESCAPE, Keys.TAB)
    assert keyboard.focused == find(browser, "#outline button")
    keyboard.press(Keys.ENTER)
    assert keyboard.focused == find(browser, "#definition")
    keyboard.press(Keys.END, " #", Keys.ESCAPE, Keys.ESCAPE)
    keyboard.press(Keys.TAB, with_=Keys.SHIFT)
    assert keyboard.focused == find(browser, "[data-action=save]")
    keyboard.press(Keys.ENTER)
    until(browser, lambda: "Saved" in find(browser, "#editor-said").text)
    assert complaints(browser) == []
