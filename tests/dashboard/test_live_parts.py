"""Every list and every page about one thing says which channel keeps it true."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, reverse

from apps.dashboard import urls
from apps.dashboard.views.base import Page
from tests.dashboard.documents import FAILS, FINE, LOOP

pytestmark = pytest.mark.django_db(transaction=True)

ORGANIZATION, STATUS = "organization-activity", "workflow-status"
EXECUTIONS = "workflow-execution"
HEAD = {"workflow-head": STATUS}
# The parts of each page, with the kind of channel that tells of them.
LIVE = {
    "home": {"overview": ORGANIZATION, "recent": ORGANIZATION},
    "workflows": {"tags": ORGANIZATION, "list": ORGANIZATION},
    "workflow": HEAD | {"recent": STATUS, "definition": STATUS, "doing": STATUS},
    "workflow-runs": HEAD | {"rows": STATUS},
    "workflow-versions": HEAD | {"versions": STATUS},
    "workflow-schedules": HEAD,
    "workflow-settings": HEAD | {"settings": STATUS},
    "executions": {"rows": ORGANIZATION},
    "execution": {"live": EXECUTIONS, "values": EXECUTIONS},
    "artifacts": {"execution-head": EXECUTIONS, "artifacts": EXECUTIONS},
    "logs": {"execution-head": EXECUTIONS, "log": EXECUTIONS},
    "step": {"step-alone": EXECUTIONS},
}
STILL = {
    # The editor keeps what is written; saving finds what others saved.
    "workflow-editor",
    "workflow-new",
    # Forms and parts of pages about what has ended.
    "retry",
    "retry-preview",
    "logs-text",
    # Nothing is there yet.
    "templates",
    "schedules",
    "notifications",
    "analytics",
}


def shown(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """The names of all pages that can be looked at."""
    for one in patterns:
        view = getattr(getattr(one, "callback", None), "view_class", None)
        if view is None or not issubclass(view, Page) or not hasattr(view, "get"):
            continue
        if "get" in view.http_method_names:
            yield one.name


def test_each_page_is_known_to_be_live_or_still():
    assert set(shown(urls.urlpatterns)) == LIVE.keys() | STILL


@pytest.fixture
def path_of(engine, child):
    """The address of a page, of something that is still going on."""
    rest = {"id": "rest", "type": "delay", "params": {"seconds": 600}}
    execution = engine.start({"steps": [*FINE["steps"], rest]})
    child.run(execution)

    def find(name: str) -> str:
        about = {"execution_id": execution.id, "workflow_id": execution.workflow_id}
        is_of_workflow = name.startswith("workflow") and name != "workflows"
        if name in ("home", "workflows", "executions"):
            about = {}
        else:
            about.pop("execution_id" if is_of_workflow else "workflow_id")
        path = reverse(f"dashboard:{name}", kwargs=about)
        return f"{path}?path=rest" if name == "step" else path

    return find


@pytest.mark.parametrize("name", LIVE)
def test_each_part_names_its_channel_and_can_be_had_alone(path_of, owner, name):
    page = owner.get(path_of(name))
    parts = page.all("[data-live]")
    kinds = {one.get("id"): one.get("data-hears").split(":")[0] for one in parts}
    assert kinds == LIVE[name]
    for one in parts:
        assert one.get("hx-trigger") == "refresh"
        assert one.get("hx-swap") == "steady"
        alone = owner.part(one.get("hx-get"), one.get("id"))
        assert alone.status == 200
        assert b"<html" not in alone.response.content
        # Asking again gives the same: nothing jumps.
        assert words(alone.tree) == words(one)


def words(element) -> list[str]:
    """What it says, but for times that go on."""
    texts = (" ".join(one.split()) for one in element.itertext())
    return [text for text in texts if text and not re.search(r"\d|just now", text)]


def test_parts_of_one_execution_end_with_it(engine, owner):
    execution = engine.run(LOOP)
    for tail in ("", "/logs", "/artifacts", "/step?path=rows"):
        assert not owner.get(f"/executions/{execution.id}{tail}").all("[data-live]")
    for tail, name in (
        ("/logs", "execution-head"),
        ("/artifacts", "artifacts"),
        ("/step?path=rows", "step-alone"),
    ):
        assert owner.part(f"/executions/{execution.id}{tail}", name).status == 286
    # Beside the others it is shown once, and asks no more.
    beside = owner.part(f"/executions/{execution.id}/step?path=rows", "step")
    assert beside.status == 200


def test_what_is_compared_stays_while_versions_come(engine, owner):
    from apps.workflows.services import workflow_update

    workflow = engine.workflow(FINE | {"name": "Alpha"})
    for document in (LOOP, FAILS):
        with engine.scope():
            workflow.refresh_from_db()
            changed = document | {"name": "Alpha"}
            workflow_update(workflow=workflow, by=engine.viewer, document=changed)
    path = f"/workflows/{workflow.id}/versions"
    (part,) = owner.get(f"{path}?to=2").all("#versions")
    assert part.get("hx-get") == f"{path}?from=1&to=2"
    # Of a single version there is nothing to compare: the next one will be.
    single = engine.workflow(FINE)
    (part,) = owner.get(f"/workflows/{single.id}/versions").all("#versions")
    assert part.get("hx-get") == f"/workflows/{single.id}/versions"
