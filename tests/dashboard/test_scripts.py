"""Scripts in everything that people and workflows may name: shown, and never run."""

import uuid
from collections.abc import Callable

import pytest
from django.urls import resolve

from apps.accounts.models import Membership, Organization, User
from apps.accounts.roles import Role
from apps.core import tenancy
from apps.core.middleware import ADMIN_POLICY
from apps.dashboard.services import filter_save
from apps.dashboard.urls import urlpatterns
from apps.dashboard.views.base import CONTENT_SECURITY_POLICY
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.models import Execution, StepRecord
from apps.steps.browser.evidence.collecting import Piece
from apps.webhooks.services.webhooks import webhook_create
from apps.workflows.services import workflow_update
from tests.dashboard.browsing import complaints, find, resize, sign_in
from tests.dashboard.documents import SCRIPTED
from tests.dashboard.test_approvals import path_to
from tests.executions.engine.waiting import ask, parked

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCRIPT = "<script>window.wasRun = 1</script>"
IMAGE = "<img src=x onerror=wasRun=1>"
# Only asked for by other pages, or by people who change something.
NO_PAGES = {
    *("sign-out", "choose-organization", "run", "restore-version", "workflow-action"),
    *("bulk", "save-filter", "delete-filter", "logs-text", "cancel", "decide"),
    *("artifact", "retry-preview"),
}
# What of a page is a script that came from data. Data for scripts is no script.
_MADE = """
    const made = "[onerror], [onload], [href^='javascript:'], script:not([src])";
    return [...document.querySelectorAll(made)]
      .filter((one) => one.type !== "application/json")
      .map((one) => one.outerHTML)
      .filter((text) => text.toLowerCase().includes("wasrun"));
"""
_POLICY = """
    const [path, method, done] = arguments;
    fetch(path, { method }).then((answer) =>
      done([answer.status, answer.headers.get("Content-Security-Policy")]));
"""


def rename(alice) -> None:
    """Scripts as the names of people and organizations."""
    email = f'"{SCRIPT.lower()}"@example.com'
    User.objects.filter(id=alice.user.id).update(name=SCRIPT, email=email)
    with tenancy.system():
        here = Organization.objects.filter(id=alice.organization_id)
        here.update(name=SCRIPT)
        other = Organization.objects.create(name=IMAGE, slug="x")
        Membership.objects.create(organization=other, user=alice.user, role=Role.OWNER)


def fill(engine, execution: Execution) -> None:
    """Scripts in what only the engine writes, and in what hangs on an execution."""
    error = {"code": SCRIPT, "kind": "step", "message": f"{SCRIPT}{IMAGE}", "path": "x"}
    store = ArtifactStore(execution.organization_id, execution.id, "fail")
    picture = b"<svg xmlns='http://www.w3.org/2000/svg' onload='wasRun=1'/>"
    store.keep([Piece("screenshot", f"{SCRIPT}.png", picture, "image/png")], attempt=1)
    store.save(f"{IMAGE}.html", SCRIPT.encode(), "text/html")
    with engine.scope():
        of_it = StepRecord.objects.filter(execution_id=execution.id)
        of_it.update(step_id=SCRIPT, name=IMAGE, type=SCRIPT)
        of_it.filter(path="fail").update(error=error)
        Execution.objects.filter(id=execution.id).update(error=error, reason=SCRIPT)
        filter_save(by=engine.viewer, name=SCRIPT, query="state=failed")
        changed = {**SCRIPTED, "description": IMAGE, "steps": SCRIPTED["steps"][1:]}
        workflow_update(
            workflow=execution.workflow,
            by=engine.viewer,
            document=changed,
            comment=f"{SCRIPT}{IMAGE}",
        )


@pytest.fixture
def pages(engine, child, alice) -> dict[str, bool]:
    """Every page by its path, and whether it has a script of ours to show."""
    execution = engine.run(SCRIPTED, inputs={"a": f"{SCRIPT}{IMAGE}"})
    waiting = parked(engine, child, ask(title=SCRIPT, message=f"{SCRIPT}{IMAGE}"))
    link = path_to(engine, waiting)
    fill(engine, execution)
    workflow, ran = (
        f"/workflows/{execution.workflow_id}",
        f"/executions/{execution.id}",
    )
    shown = (
        *("/", "/workflows", "/executions", workflow, f"{workflow}/runs"),
        *(f"{workflow}/versions?from=1&to=2", f"{workflow}/schedules"),
        *(f"{workflow}/settings", f"{workflow}/edit", "/workflows/new"),
        *(ran, f"{ran}/logs", f"{ran}/retry", f"{ran}/step?path=say"),
        f"{ran}/artifacts",
        *(f"{ran}/step?path=fail", f"/executions/{waiting.id}", link),
        *("/templates", "/schedules", "/notifications", "/analytics"),
        *(f"/workflows?q={SCRIPT}", f"/executions?q={SCRIPT}&label=a%3D{IMAGE}"),
    )
    errors = (
        *(f"/no/such/{SCRIPT}", f"/executions/{uuid.uuid4()}", f"/approve/{IMAGE}"),
        *(f"/executions?state={SCRIPT}", f"/executions?cursor={IMAGE}"),
        f"{ran}/step?path={SCRIPT}",
    )
    return dict.fromkeys(shown, True) | dict.fromkeys(errors, False)


def is_quiet(message: str) -> bool:
    """Whether it only says that a page about an error has its status."""
    return "status of 4" in message


@pytest.fixture
def look(browser, site) -> Callable[[str], str]:
    """Opens a page, sees that nothing became a script, and gives its text."""

    def work(path: str) -> str:
        browser.get(f"{site.url}{path}")
        text = find(browser, "body").get_attribute("textContent")
        assert browser.execute_script(_MADE) == [], path
        assert not browser.execute_script("return window.wasRun"), path
        said = [one for one in complaints(browser) if not is_quiet(one)]
        assert said == [], path
        return text

    return work


def policy(browser, path: str, method: str = "GET") -> list[int | str]:
    """Status and policy of an answer."""
    return browser.execute_async_script(_POLICY, path, method)


def route(path: str) -> str:
    """The name of the address of a page."""
    return resolve(path.partition("?")[0]).url_name


def test_scripts_in_names_and_values_are_only_text(pages, alice, site, browser, look):
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    rename(alice)
    for path, is_shown in pages.items():
        text = look(path)
        assert not is_shown or "<script>" in text.lower(), path
    known = {
        resolve(path.partition("?")[0]).url_name for path in pages if "no/" not in path
    }
    browser.get(f"{site.url}/executions")
    for path in pages:
        assert policy(browser, path)[1] == CONTENT_SECURITY_POLICY, path
    browser.delete_all_cookies()
    look(f"/sign-in?next=/{SCRIPT}")
    names = {one.name for one in urlpatterns if getattr(one, "name", None)}
    assert names - known - NO_PAGES == {"sign-in"}


def test_scripts_are_only_text_in_the_operators_admin_too(
    engine, alice, site, browser, look
):
    execution = engine.run(SCRIPTED)
    with engine.scope():
        hook, _ = webhook_create(
            viewer=alice.viewer,
            name=SCRIPT,
            url=f"https://example.com/{SCRIPT}",
            event_types=["workflow-changed"],
        )
    fill(engine, execution)
    resize(browser, 1280)
    User.objects.filter(id=alice.user.id).update(is_staff=True, is_superuser=True)
    sign_in(browser, site.url, alice.email)
    rename(alice)
    for path in (
        *("/admin/", "/admin/accounts/user/", "/admin/accounts/organization/"),
        *(f"/admin/accounts/user/{alice.user.id}/change/", "/admin/webhooks/webhook/"),
        *(f"/admin/webhooks/webhook/{hook.id}/change/", "/admin/workflows/workflow/"),
        f"/admin/workflows/workflow/{execution.workflow_id}/change/",
        f"/admin/executions/execution/{execution.id}/change/",
    ):
        assert "wasrun" in look(path).lower() or path == "/admin/", path
        assert policy(browser, path) == [200, ADMIN_POLICY], path


def test_pages_that_no_view_has_made_have_the_policy_too(site, browser):
    browser.get(f"{site.url}/sign-in")
    for path, method, status in (
        ("/no/such/page", "GET", 404),
        ("/sign-in", "POST", 403),  # without the form's token
        ("/sign-in?next=//evil.example", "GET", 200),
    ):
        assert policy(browser, path, method) == [status, CONTENT_SECURITY_POLICY], path
    browser.get_log("browser")
