"""The editor in a real browser: mistakes, completion, saving, conflicts, trying."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from apps.executions.models import Execution
from apps.workflows.models import Workflow
from tests.dashboard.browsing import (
    complaints,
    find,
    resize,
    sign_in,
    until,
)
from tests.dashboard.test_editor import made, path_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = """\
# kept
name: Sums
inputs:
  who: {type: string, default: world}
steps:
  - id: one
    type: set_variable
    params: {name: a, value: "{{ inputs.who }}"}
  - id: each
    type: loop
    times: 2
    as: row
    steps:
      - id: two
        type: set_variable
        params:
          name: b
          value: "{{ steps.one.output ~ row }}"
"""


class Editor:
    """The page as a person has it."""

    def __init__(self, browser, server, person):
        self.browser, self.server, self.person = browser, server, person
        resize(browser, 1280)
        sign_in(browser, server, person.email)

    def open(self, path):
        # What one test left unsaved is no matter of the next.
        self.browser.execute_script("localStorage.clear()")
        self.show(path)

    def show(self, path):
        self.browser.get(f"{self.server}{path}")
        find(self.browser, "#editor[data-ready]")
        self.area = find(self.browser, "#definition")
        self.until_checked()

    def until_checked(self):
        self.until("#problems-count", lambda text: "Checking" not in text)

    def until(self, selector, holds):
        until(self.browser, lambda: holds(self.text(selector)))

    def text(self, selector):
        return find(self.browser, selector).text

    @property
    def value(self):
        return self.area.get_property("value")

    def go_to(self, text):
        """Put the cursor behind this text."""
        self.browser.execute_script(
            "const [area, text] = arguments; area.focus();"
            "const at = area.value.indexOf(text) + text.length;"
            "area.setSelectionRange(at, at);",
            self.area,
            text,
        )

    def type(self, *keys):
        self.area.send_keys(*keys)

    def click(self, selector):
        find(self.browser, selector).click()

    def said(self, text):
        self.until("#editor-said", lambda shown: text in shown)


@pytest.fixture
def editor(engine, alice, site, browser):
    yield Editor(browser, site.url, alice)
    browser.get("data:,")
    complaints(browser)


@pytest.fixture
def sums(alice):
    return made(alice, TEXT)


def test_a_mistake_is_shown_at_its_line_and_the_list_leads_to_it(editor, sums):
    editor.open(path_of(sums))
    assert editor.text("#problems-count") == "No mistakes"
    editor.go_to("type: set_variabl")
    editor.type(Keys.ARROW_RIGHT, "x<b>", Keys.ESCAPE)
    editor.until("#problems-count", lambda text: text == "1 mistake")
    assert editor.text("[data-gutter] .is-wrong") == "7"
    tops = [
        find(editor.browser, one).rect["y"]
        for one in ("[data-gutter] .is-wrong", "[data-layer] .is-active")
    ]
    assert tops[0] == tops[1]
    assert 'unknown step type "set_variablex<b>' in editor.text("#problems")
    assert editor.text("#outline .is-wrong").startswith("one")
    editor.go_to("# kept")
    editor.click("#problems button")
    position = editor.area.get_property("selectionStart")
    assert editor.value[:position].endswith("    type: ")
    assert editor.browser.switch_to.active_element == editor.area
    # The server's no to a wrong definition is the browser's error, not the page's.
    assert all("/validate" in one for one in complaints(editor.browser))


def test_completion_inserts_types_params_and_names(editor, sums):
    editor.open(path_of(sums))
    editor.go_to(TEXT.rstrip()[-40:])
    editor.type(Keys.ENTER)
    for _ in range(10):
        editor.type(Keys.BACKSPACE)
    editor.type("  - id: fetch", Keys.ENTER, "type: http_r")
    assert "Send one HTTP request" in editor.text("#completions [aria-selected=true]")
    editor.type(Keys.ENTER, Keys.ENTER, "params:", Keys.ENTER, "ur")
    assert "Address, http or https." in editor.text("#completions")
    editor.type(Keys.TAB, '"{{ steps.on')
    editor.type(Keys.TAB, ".outp", Keys.TAB, " | uppe", Keys.TAB, ' }}"', Keys.ENTER)
    editor.type("meth", Keys.TAB, "PO", Keys.TAB)
    wanted = (
        "  - id: fetch\n    type: http_request\n    params:\n"
        '      url: "{{ steps.one.output | upper }}"\n      method: POST'
    )
    assert wanted in editor.value
    editor.until("#problems-count", lambda text: text == "No mistakes")
    assert editor.text("#outline [aria-current]") == "fetch\nhttp_request"


def test_numbers_stand_beside_their_lines(editor, sums):
    editor.open(path_of(sums))
    tops = [
        find(editor.browser, f"{part} > :first-child").rect["y"]
        for part in ("[data-gutter]", "[data-layer]")
    ]
    assert tops[0] == tops[1]


def test_the_outline_leads_to_steps_and_marks_the_one_at_the_cursor(editor, sums):
    editor.open(path_of(sums))
    editor.browser.find_elements(By.CSS_SELECTOR, "#outline button")[2].click()
    position = editor.area.get_property("selectionStart")
    assert editor.value[position:].startswith("id: two")
    editor.until("#outline [aria-current]", lambda text: text.startswith("two"))
    assert complaints(editor.browser) == []


def test_saving_makes_a_version_and_keeps_comments(editor, engine, sums):
    editor.open(path_of(sums))
    editor.go_to("# kept")
    editor.type(" <script>alert(1)</script>")
    editor.until("#editor-state", lambda text: text == "unsaved changes")
    editor.type(Keys.CONTROL, "s")
    editor.said("Saved as version 2.")
    assert editor.text("#editor-state") == "saved"
    with engine.scope():
        workflow = Workflow.objects.select_related("current_version").get(id=sums["id"])
        assert workflow.current_version.source == editor.value
    assert editor.value.startswith("# kept <script>alert(1)</script>\n")
    assert complaints(editor.browser) == []


def test_what_somebody_else_saved_is_shown_and_not_overwritten(editor, alice, sums):
    editor.open(path_of(sums))
    theirs = TEXT.replace("# kept", "# theirs")
    url = f"/api/workflows/{sums['id']}"
    alice.client.generic("PATCH", url, theirs, content_type="application/yaml")
    editor.go_to("# kept")
    editor.type(" mine")
    editor.click("[data-action=save]")
    find(editor.browser, "#conflict[open]")
    assert editor.text(".is-out") == "- # theirs"
    assert editor.text(".is-in") == "+ # kept mine"
    assert alice.client.get(url).json()["version"] == 2
    editor.click("#conflict [data-mine]")
    editor.said("Saved as version 3.")
    assert alice.client.get(f"{url}/versions/2").json()["source"] == theirs


def test_unsaved_changes_come_back_and_can_be_thrown_away(editor, sums):
    editor.open(path_of(sums))
    editor.go_to("# kept")
    editor.type(" for later")
    editor.until("#editor-state", lambda text: text == "unsaved changes")
    editor.browser.get("data:,")
    editor.show(path_of(sums))
    assert editor.value.startswith("# kept for later\n")
    editor.click("[data-action=discard]")
    editor.until("#editor-state", lambda text: text == "saved")
    assert editor.value == sums["source"]


def test_a_new_workflow_is_created(editor, engine):
    editor.open("/workflows/new")
    editor.go_to("name: New workflow")
    editor.type(" of mine")
    editor.click("[data-action=save]")
    until(editor.browser, lambda: editor.browser.current_url.endswith("/edit"))
    with engine.scope():
        assert Workflow.objects.get().name == "New workflow of mine"


def test_a_step_is_tried_as_the_text_stands(editor, engine, sums):
    editor.open(path_of(sums))
    editor.go_to('value: "{{ steps.one.output ~ row')
    editor.type(" ~ '!'")
    editor.click("[data-action=test]")
    find(editor.browser, "#test-step[open]")
    assert editor.text("[data-step]") == "two"
    fill(editor, "steps", '{"one": "hi "}')
    fill(editor, "names", '{"row": 7}')
    editor.click("#test-step [type=submit]")
    run_newest(engine, editor.browser)
    editor.until("[data-result]", lambda text: "hi 7!" in text)
    assert editor.text("[data-result]").startswith("completed in ")


def fill(editor, name, text):
    field = find(editor.browser, f"#test-{name}")
    field.clear()
    field.send_keys(text)


def run_newest(engine, browser):
    """Do what a worker would."""

    def newest():
        with engine.scope():
            return Execution.objects.filter(status="queued").order_by("-id").first()

    until(browser, newest)
    engine.run_started(newest().id)


def test_it_runs_with_inputs_and_again_from_a_step(editor, engine, sums):
    editor.open(path_of(sums))
    editor.click("[data-action=run]")
    field = find(editor.browser, "#run-workflow[open] [name='input.who']")
    field.clear()
    field.send_keys("you", Keys.ENTER)
    until(editor.browser, lambda: "/executions/" in editor.browser.current_url)
    run_newest(engine, editor.browser)
    editor.show(path_of(sums))
    editor.go_to("id: each")
    editor.type("")
    editor.click("[data-action=from]")
    until(editor.browser, lambda: "/executions/" in editor.browser.current_url)
    with engine.scope():
        again = Execution.objects.order_by("-id").first()
    assert (again.trigger, again.reused_steps) == ("retry", 1)
    assert again.inputs == {"who": "you"}


def test_tab_indents_and_leaves_after_escape(editor, sums):
    editor.open(path_of(sums))
    editor.go_to("# kept")
    editor.type(Keys.TAB)
    assert editor.value.startswith("# kept  \n")
    editor.type(Keys.CONTROL, "z")
    assert editor.value == sums["source"]
    editor.type(Keys.ESCAPE)
    editor.type(Keys.TAB)
    assert editor.browser.switch_to.active_element != editor.area


def test_a_viewer_reads_on_a_phone(editor, bob, site, browser, sums):
    sign_in(browser, site.url, bob.email)
    resize(browser, 390)
    editor.open(path_of(sums))
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    editor.type("x")
    assert editor.value == sums["source"]
    assert complaints(browser) == []


def test_a_long_document_stays_usable(editor, alice):
    step = "  - id: s{0}\n    type: set_variable\n    params: {{name: a, value: {0}}}\n"
    text = "name: Long\nsteps:\n" + "".join(step.format(at) for at in range(2000))
    editor.open(path_of(made(alice, text)))
    assert editor.text("#outline-count") == "2000 steps"
    rows = editor.browser.find_elements(By.CSS_SELECTOR, "[data-layer] .line")
    assert len(rows) < 100
    editor.go_to("value: 1990")
    editor.type("5")
    editor.until("#editor-state", lambda text: text == "unsaved changes")
    editor.until_checked()
    assert editor.text("#problems-count") == "No mistakes"
    assert editor.text("#outline [aria-current]").startswith("s1990")
