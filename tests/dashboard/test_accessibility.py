"""Nothing on any page shuts people out: axe-core's rules, light and dark, 390 px."""

import pytest
from selenium.webdriver.common.keys import Keys

from apps.accounts.models import User
from apps.core import tenancy
from apps.executions.models import Execution
from tests.dashboard.axe import load_axe, violations
from tests.dashboard.browsing import (
    complaints,
    find,
    paint,
    resize,
    settled,
    sign_in,
    until,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# How much of the page lies beyond the window's edge, in pixels.
_OVER = """
    const page = document.documentElement;
    return page.scrollWidth - page.clientWidth;
"""
_UNFOLD = """
    document.querySelectorAll("details").forEach((one) => (one.open = true));
"""
_DIALOGS = """
    return [...document.querySelectorAll("dialog[id]")].map((one) => one.id);
"""
# Unfold's pages ask for the theme once, when they are opened, and fade into it.
_PAINT = """
    document.documentElement.classList.toggle("dark", arguments[0]);
    const isFade = (one) => one instanceof CSSTransition;
    document.getAnimations().filter(isFade).forEach((one) => one.finish());
"""
_OPEN = "document.getElementById(arguments[0]).showModal();"
_CLOSE = "document.getElementById(arguments[0]).close();"
# Lists of the admin with rows, filters, actions and forms among them.
LISTS = (
    "executions/execution",
    "executions/worker",
    "workflows/workflow",
    "accounts/user",
    "accounts/signin",
    "django_celery_beat/periodictask",
)


class Inspector:
    """Goes through pages and notes what is wrong with each."""

    def __init__(self, browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.found: list[str] = []
        self._dialogs: set[str] = set()

    def look(self, path: str) -> None:
        """Open a page and look at it."""
        self.browser.get(f"{self.url}{path}")
        self.look_here(path)

    def look_here(self, about: str) -> None:
        """Look at the page in both themes and both widths."""
        settled(self.browser)
        self.browser.execute_script(_UNFOLD)
        load_axe(self.browser)
        self._note(about, violations(self.browser))
        self._look_at_dialogs(about)
        self._paint("dark")
        self._note(f"{about}, dark", violations(self.browser, "color-contrast"))
        self._look_narrow(about)
        # The browser also says so when the page itself is one about an error.
        itself = f"{self.browser.current_url} - Failed to load resource"
        said = complaints(self.browser)
        self._note(about, [one for one in said if not one.startswith(itself)])

    def _look_narrow(self, about: str) -> None:
        resize(self.browser, 390)
        about += " at 390 px"
        self._note(about, violations(self.browser, "scrollable-region-focusable"))
        if over := self.browser.execute_script(_OVER):
            self._note(about, [f"{over} px too wide"])
        resize(self.browser, 1280)
        self._paint("light")

    def _look_at_dialogs(self, about: str) -> None:
        for name in self.browser.execute_script(_DIALOGS):
            if name in self._dialogs:
                continue
            self._dialogs.add(name)
            self.browser.execute_script(_OPEN, name)
            for scheme in ("light", "dark"):
                self._paint(scheme)
                found = violations(self.browser, within=f"#{name}")
                self._note(f"{about} #{name}, {scheme}", found)
            self._paint("light")
            self.browser.execute_script(_CLOSE, name)

    def _paint(self, scheme: str) -> None:
        paint(self.browser, scheme)
        self.browser.execute_script(_PAINT, scheme == "dark")

    def _note(self, about: str, found: list[str]) -> None:
        self.found += [f"{about}: {one}" for one in found]


@pytest.fixture
def inspector(site, browser):
    browser.get("about:blank")
    complaints(browser)  # of the page that the last test has left open
    resize(browser, 1280)
    paint(browser, "light")
    yield Inspector(browser, site.url)
    resize(browser, 1280)
    paint(browser, "light")


def test_no_page_shuts_anybody_out(scene, alice, browser, inspector):
    inspector.look("/sign-in")
    browser.delete_all_cookies()
    find(browser, "#email").send_keys(alice.email)
    find(browser, "#password").send_keys("wrong", Keys.ENTER)
    until(browser, lambda: "out of date" in browser.title)
    inspector.look_here("a form out of date")
    sign_in(browser, inspector.url, alice.email)
    for path in scene.values():
        inspector.look(path)
    assert "\n".join(inspector.found) == ""


def test_the_operators_admin_shuts_nobody_out(scene, alice, browser, inspector):
    User.objects.filter(id=alice.user.id).update(is_staff=True, is_superuser=True)
    inspector.look("/admin/login/")
    sign_in(browser, inspector.url, alice.email)
    inspector.look("/admin/")
    for name in LISTS:
        inspector.look(f"/admin/{name}/")
    with tenancy.system():
        execution = Execution.objects.filter(status="failed").latest("id")
    inspector.look(f"/admin/executions/execution/{execution.id}/change/")
    inspector.look("/admin/accounts/membership/add/")
    assert "\n".join(inspector.found) == ""
