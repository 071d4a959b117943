"""What the editor keeps in the browser is there for the same person alone."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.dashboard.browsing import all_of, find, sign_in, until
from tests.dashboard.test_editor import made, path_of
from tests.dashboard.test_editor_browser import TEXT, Editor, run_newest
from tests.fixtures_cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DRAFTS = "return Object.keys(localStorage).filter((key) => key.startsWith('rpa.'))"
SECRET = " a thought of alice"


@pytest.fixture
def editor(engine, alice, site, browser):
    yield Editor(browser, site.url, alice)
    # As in the editor's tests: nothing is left for the next one.
    browser.get(f"{site.url}/sign-in")
    browser.execute_script("localStorage.clear()")
    browser.get_log("browser")


@pytest.fixture
def written(editor, alice):
    """A workflow in the editor, with a change that is kept and not saved."""
    sums = made(alice, TEXT)
    editor.open(path_of(sums))
    editor.go_to("# kept")
    editor.type(SECRET)
    until(editor.browser, lambda: kept(editor))
    return sums


def kept(editor):
    return editor.browser.execute_script(DRAFTS)


def enter(browser, email):
    """Sign in by the form that is shown."""
    field = find(browser, "#email")
    field.clear()
    field.send_keys(email)
    find(browser, "#password").send_keys(PASSWORD + Keys.ENTER)


def test_signing_out_removes_drafts(editor, written):
    editor.type(" typed at the last moment")
    editor.click("form[action='/sign-out'] button")
    until(editor.browser, lambda: all_of(editor.browser, "body[data-left]"))
    until(editor.browser, lambda: kept(editor) == [])
    enter(editor.browser, editor.person.email)
    find(editor.browser, "#connection")
    editor.show(path_of(written))
    assert editor.value == written["source"]


def test_signing_out_of_the_admin_removes_them_too(editor, written):
    editor.person.user.is_staff = True
    editor.person.user.save()
    editor.browser.get(f"{editor.server}/admin/")
    assert len(kept(editor)) == 1
    editor.browser.execute_script("document.getElementById('logout-form').submit()")
    until(editor.browser, lambda: all_of(editor.browser, "body[data-left]"))
    until(editor.browser, lambda: kept(editor) == [])


def test_an_editor_in_another_tab_keeps_nothing_any_more(editor, written):
    browser = editor.browser
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(f"{editor.server}/")
    find(browser, "form[action='/sign-out'] button").click()
    until(browser, lambda: all_of(browser, "body[data-left]"))
    browser.close()
    browser.switch_to.window(first)
    editor.said("You signed out in another tab")
    editor.type(" and more")
    browser.get(f"{editor.server}/sign-in")
    assert kept(editor) == []


def test_an_expired_session_leaves_them_for_the_same_persons_return(editor, written):
    editor.browser.delete_all_cookies()
    editor.browser.get(f"{editor.server}{path_of(written)}")
    enter(editor.browser, editor.person.email)
    editor.show(path_of(written))
    assert editor.value.startswith(f"# kept{SECRET}\n")


def test_somebody_else_who_signs_in_finds_none(editor, written, bob):
    editor.browser.delete_all_cookies()
    sign_in(editor.browser, editor.server, bob.email)
    until(editor.browser, lambda: kept(editor) == [])


def test_a_link_to_the_page_after_signing_out_removes_nothing(editor, written):
    editor.browser.delete_all_cookies()
    editor.browser.get("data:,")
    editor.browser.get(f"{editor.server}/sign-in?left=1")
    find(editor.browser, "body[data-left]")
    assert len(kept(editor)) == 1


def test_without_an_execution_it_says_what_to_do_instead(editor, engine, alice):
    sums = made(alice, TEXT)
    editor.open(path_of(sums))
    editor.go_to("id: each")
    editor.type("")
    editor.click("[data-action=from]")
    find(editor.browser, "#no-run[open]")
    assert editor.text("#no-run [data-step]") == "each"
    assert "no execution that has ended" in editor.text("#no-run [data-why]")
    editor.said("Nothing was started")
    editor.click("#no-run [data-action=test]")
    assert editor.text("#test-step[open] [data-step]") == "each"
    editor.click("#test-step [data-close]")
    editor.click("[data-action=from]")
    editor.click("#no-run[open] [data-action=run]")
    find(editor.browser, "#run-workflow[open] [name='input.who']").send_keys(Keys.ENTER)
    until(editor.browser, lambda: "/executions/" in editor.browser.current_url)
    editor.show(path_of(sums))
    editor.go_to("id: each")
    editor.type("")
    editor.click("[data-action=from]")
    find(editor.browser, "#no-run[open]")
    assert "1 more is under way" in editor.text("#no-run [data-why]")
    run_newest(engine, editor.browser)
