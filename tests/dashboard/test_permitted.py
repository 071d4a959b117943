"""Nobody is offered what would be refused."""

import pytest
from django.urls import resolve

from apps.accounts.roles import Role
from apps.dashboard.views.base import Page
from tests.dashboard.conftest import Visitor
from tests.dashboard.documents import ASKS, FAILS, FINE
from tests.executions.engine.waiting import ask

pytestmark = pytest.mark.django_db(transaction=True)
SECTIONS = ("/", "/workflows", "/executions", "/schedules", "/templates")
TABS = ("", "/runs", "/edit", "/versions", "/schedules", "/settings")
PARTS = ("", "/logs", "/artifacts")


@pytest.fixture
def paths(engine, child) -> list[str]:
    """Pages about things in different states."""
    from apps.executions.hooks import hook_make
    from apps.workflows.services import workflow_update

    failed, queued = engine.run(FAILS), engine.start(FINE)
    asked, workflow = engine.start({"steps": [ask()]}), engine.workflow(ASKS)
    child.run(asked)
    with engine.scope():
        hook_make(workflow=workflow, by=engine.viewer)
        document = FINE | {"name": workflow.name}
        workflow_update(workflow=workflow, by=engine.viewer, document=document)
    found = [f"/workflows/{workflow.id}{tab}" for tab in TABS]
    for one in (failed, queued, asked):
        found += [f"/executions/{one.id}{part}" for part in PARTS]
    return [*SECTIONS, *found]


def needed(path: str, method: str) -> Role | None:
    """The role that a page wants for a method."""
    view = resolve(path.partition("?")[0]).func.view_class
    return view.roles.get(method) if issubclass(view, Page) else None


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_no_page_offers_what_the_role_may_not_do(paths, member, role):
    person = member(role)
    visitor = Visitor(person)
    for path in paths:
        page = visitor.get(path)
        assert page.status == 200, path
        for form in page.all("main form[method=post]"):
            if not form.cssselect("button"):
                continue
            wanted = needed(form.get("action") or path, "POST")
            assert person.viewer.may(wanted), (path, form.get("action"))
        for link in {one.get("href").partition("#")[0] for one in page.all("main a")}:
            if not link.startswith(("/workflows", "/executions")):
                continue
            assert person.viewer.may(needed(link, "GET")), (path, link)


def test_an_editor_is_offered_what_others_are_not(engine, member):
    engine.run(FINE)
    editor, operator = Visitor(member("editor")), Visitor(member("operator"))
    for visitor, count in ((editor, 1), (operator, 0)):
        page = visitor.get("/workflows")
        assert len(page.all("a[href='/workflows/new']")) == count
        assert len(visitor.get("/executions").all("[value=delete]")) == count


def test_the_empty_list_leads_editors_to_the_editor(owner, looker):
    page = owner.get("/workflows")
    assert page.all(".empty a[href='/workflows/new']")
    assert "POST /api/workflows" in page.text
    page = looker.get("/workflows")
    assert not page.all("a[href='/workflows/new']")
    assert "role editor" in page.text
