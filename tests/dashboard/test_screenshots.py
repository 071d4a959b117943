"""Pictures of every page, wide and narrow, light and dark, for docs/screenshots.

They are made when they are asked for:

    SCREENSHOTS=docs/screenshots python3 manage.py test -n 0 \
        tests/dashboard/test_screenshots.py

`gallery.py` says which there are.
"""

import io
import os
from pathlib import Path

import pytest
from django.urls import resolve, reverse
from django.utils import timezone
from PIL import Image
from selenium.webdriver.common.keys import Keys

from apps.accounts.models import Membership, User
from apps.core import heartbeats, tenancy
from apps.executions.models import Execution, Worker
from apps.workflows.models import Workflow
from tests.dashboard import gallery
from tests.dashboard.browsing import find, paint, resize, settled, sign_in, until
from tests.dashboard.documents import FINE

FOLDER = os.environ.get("SCREENSHOTS", "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not FOLDER, reason="no SCREENSHOTS folder was named"),
]
ROUTES = {one.name: one.route for one in gallery.PICTURES}
LOWEST, HIGHEST = 900, 1_800
_HEIGHT = "return document.documentElement.scrollHeight"
_DRAWN = """
    const done = arguments[0];
    document.fonts.ready.then(
      () => requestAnimationFrame(() => requestAnimationFrame(() => done())));
"""
_CURSOR = """
    const area = document.getElementById("definition");
    const at = area.value.indexOf(arguments[0]) + arguments[0].length;
    area.focus();
    area.setSelectionRange(at, at);
"""


class Camera:
    """Takes pictures of pages in one width and scheme."""

    def __init__(self, browser, url, size, scheme):
        self.browser, self.url, self.size, self.scheme = browser, url, size, scheme
        self.taken = []
        paint(browser, scheme)
        browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})

    def show(self, path):
        resize(self.browser, gallery.WIDTHS[self.size], LOWEST)
        self.browser.get(f"{self.url}{path}")
        settled(self.browser)

    def take(self, name, path):
        """A picture of the whole page at that address, which is the one named."""
        found = resolve(path.split("?")[0]) if ROUTES[name] else None
        if found and not found.view_name.endswith(ROUTES[name].split(":")[-1]):
            raise AssertionError(f"{name} is {found.view_name}")
        self.show(path)
        height = self.browser.execute_script(_HEIGHT)
        width = gallery.WIDTHS[self.size]
        resize(self.browser, width, min(max(height, LOWEST), HIGHEST))
        self.keep(name)

    def keep(self, name):
        """A picture of what is shown."""
        self.browser.execute_async_script(_DRAWN)
        folder = Path(FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        png = self.browser.get_screenshot_as_png()
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        # Few colors are enough for pages, and a third of the bytes.
        file = folder / f"{name}-{self.size}-{self.scheme}.png"
        picture.quantize(96).save(file, optimize=True)
        self.taken.append(name)


def of_editor(camera, path):
    """What the editor shows while somebody types; nothing of it is kept."""
    browser = camera.browser
    camera.show(path)
    area = find(browser, "#definition")
    browser.execute_script(_CURSOR, "type: set_variable")
    area.send_keys("s", Keys.ESCAPE)
    until(browser, lambda: find(browser, "#problems-count").text == "1 mistake")
    camera.keep("workflow-editor-mistake")
    area.send_keys(Keys.BACKSPACE * len("set_variables"), "re")
    until(browser, lambda: find(browser, "#completions").is_displayed())
    until(browser, lambda: "Checking" not in find(browser, "#problems-count").text)
    camera.keep("workflow-editor-completion")
    browser.execute_script("localStorage.clear()")
    camera.show(path)
    browser.execute_script(_CURSOR, "type: set_variable")
    find(browser, "[data-action=test]").click()
    find(browser, "#test-step[open]")
    camera.keep("workflow-editor-test")
    browser.execute_script("localStorage.clear()")


def of_dialogs(camera, scene):
    """Dialogs that are opened by a button."""
    browser = camera.browser
    camera.show(scene["execution-failed"])
    find(browser, "[data-retry]").click()
    until(browser, lambda: "Reuses" in find(browser, "#retry-preview").text)
    camera.keep("execution-retry-dialog")
    camera.show(scene["never-run"])
    browser.execute_script(_CURSOR, "id: greet")
    find(browser, "[data-action=from]").click()
    find(browser, "#no-run[open]")
    camera.keep("workflow-editor-no-run")


def admin_pages():
    """Pages of the operators' admin, by their names."""

    def page(name, *args):
        return reverse(f"admin:{name}", args=args)

    with tenancy.system():
        failed = Execution.objects.filter(status="failed").latest("id")
        membership = Membership.objects.get()
    worker = Worker.objects.order_by("name")[0]
    return {
        "admin": page("index"),
        "admin-executions": page("executions_execution_changelist"),
        "admin-execution": page("executions_execution_change", failed.id),
        "admin-workers": page("executions_worker_changelist"),
        "admin-worker": page("executions_worker_change", worker.id),
        "admin-membership": page("accounts_membership_add"),
        "admin-history": page("executions_worker_history", worker.id),
        "admin-delete": page("accounts_membership_delete", membership.id),
        "admin-announce": page("accounts_organization_announce"),
        "admin-password": page("password_change"),
        "admin-room": page("app_list", "executions"),
    }


@pytest.fixture
def places(scene, engine):
    """The scene, with a workflow that was never run."""
    fresh = engine.workflow({"name": "Never run", **FINE})
    with engine.scope():
        # The one that asks, which its maker gave no name.
        Workflow.objects.filter(name__startswith="w-").update(name="Pay invoices")
    return scene | {"never-run": f"/workflows/{fresh.id}/edit"}


def take_all(camera, alice, places):
    """All pictures of one width and scheme, first without signing in."""
    browser = camera.browser
    browser.delete_all_cookies()
    camera.take("sign-in", "/sign-in")
    camera.take("admin-sign-in", "/admin/login/")
    camera.take("approve-problem", "/approve/no-such-link")
    sign_in(browser, camera.url, alice.email)
    for name, path in places.items():
        if name in ROUTES:
            camera.take(name, path)
    of_editor(camera, places["workflow-editor"])
    of_dialogs(camera, places)
    of_admin(camera)
    assert sorted(camera.taken) == sorted(ROUTES)


def of_admin(camera):
    """The operators' admin, in which a worker was just told to drain."""
    # Long ago by now, for a worker and a scheduler that are alive.
    Worker.objects.update(last_seen_at=timezone.now())
    heartbeats.beat("scheduler")
    pages = admin_pages()
    camera.show(pages["admin-worker"])
    find(camera.browser, "button[value=drain]").click()
    until(camera.browser, lambda: "asked." in camera.browser.page_source)
    for name, path in pages.items():
        camera.take(name, path)


def test_every_page_has_its_picture(places, alice, site, browser):
    # In one test: the site remembers numbers of content types, which the end of a
    # test makes anew.
    User.objects.filter(id=alice.user.id).update(is_staff=True, is_superuser=True)
    for size in gallery.WIDTHS:
        for scheme in gallery.SCHEMES:
            heartbeats.beat("scheduler")
            Worker.objects.update(last_seen_at=timezone.now())
            take_all(Camera(browser, site.url, size, scheme), alice, places)
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": False})
    paint(browser, "light")


def test_the_index_is_written():
    Path(FOLDER, "README.md").write_text(gallery.index())
