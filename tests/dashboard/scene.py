"""An organization such as people have, for pictures of its pages and checks of them."""

import random
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from apps.core import heartbeats, tenancy
from apps.core.ids import uuid7_floor
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.links import approval_url
from apps.executions.models import Execution, Worker
from apps.steps.browser.evidence.collecting import Piece
from apps.workflows.services import workflow_update
from tests.dashboard.browsing import resize
from tests.dashboard.documents import ASKS, FAILS, FINE, LOOP
from tests.executions.engine.waiting import ask, parked, waits
from tests.realtime.conftest import NOBODY

NAMES = ("Overdue invoices", "Price watch", "Nightly export", "Data validation")
STATES = ("completed",) * 14 + ("failed", "cancelled")


def _history(engine, workflows) -> None:
    """A day of executions, which nobody has to wait for."""
    # The same pictures each time, so that only what changed is changed in them.
    chance = random.Random(7)
    now = timezone.now()
    made = []
    for number in range(260):
        at = now - timedelta(minutes=5.5 * number + chance.random() * 4)
        workflow = chance.choice(workflows)
        status = chance.choice(STATES)
        error = {"code": "not_found", "kind": "step", "path": "login"}
        error["message"] = (
            "nothing matches label \N{LEFT DOUBLE QUOTATION MARK}Password"
        )
        made.append(
            Execution(
                id=uuid7_at(at, number),
                organization_id=workflow.organization_id,
                workflow_id=workflow.id,
                version_id=workflow.current_version_id,
                status=status,
                trigger=chance.choice(["schedule", "api", "webhook"]),
                error=error if status == "failed" else None,
                queued_at=at,
                started_at=at,
                finished_at=at + timedelta(seconds=chance.expovariate(0.1)),
            )
        )
    with tenancy.tenant(engine.viewer.organization_id):
        Execution.objects.bulk_create(made)


def uuid7_at(at, number):
    """An id made at that time."""
    floor = uuid7_floor(at)
    return type(floor)(int=floor.int | 7 << 76 | 2 << 62 | number)


def _health() -> None:
    """A worker and a scheduler that say they are there."""
    Worker.objects.create(
        name="one", host="host", process_id=1, pool="default", capacity=5, version="1"
    )
    heartbeats.beat("scheduler")


def _evidence(execution, picture: bytes) -> None:
    store = ArtifactStore(execution.organization_id, execution.id, "look")
    store.keep([Piece("screenshot", "failed.png", picture, "image/png")], attempt=1)


def _failing_workflow(engine) -> Execution:
    """Ran once, failed, and was changed since."""
    document = FAILS | {
        "name": "Monthly statement",
        "description": "Collects what each customer owes and writes the letter.",
        "inputs": ASKS["inputs"],
        "steps": [*LOOP["steps"], *FAILS["steps"]],
    }
    failed = engine.run(document, inputs={"customer": "Ann & Co"})
    last = document["steps"][-1] | {"params": {"path": "letters/all.txt"}}
    changed = document | {"settings": {"timeout": "10m"}}
    changed["steps"] = [*document["steps"][:-1], last]
    with engine.scope():
        workflow_update(
            workflow=failed.workflow,
            by=engine.viewer,
            document=changed,
            comment="The letters have a folder of their own",
        )
    return failed


def _late(engine, workflow) -> Execution:
    """In the queue for longer than it should be."""
    waiting = engine.start(workflow)
    with engine.scope():
        Execution.objects.filter(id=waiting.id).update(
            queued_at=timezone.now() - timedelta(minutes=3)
        )
    return waiting


def _link(engine, execution) -> str:
    """The path that an approver gets by mail."""
    (wait,) = waits(engine, execution)
    url = approval_url(wait.organization_id, wait.id, 0)
    return url.removeprefix(settings.PUBLIC_URL)


def _pages_of_workflow(workflow) -> dict[str, str]:
    path = f"/workflows/{workflow.id}"
    tabs = ("runs", "versions", "schedules", "settings")
    return {
        "workflow": path,
        **{f"workflow-{tab}": f"{path}/{tab}" for tab in tabs},
        "workflow-editor": f"{path}/edit",
        "workflow-new": "/workflows/new",
    }


def _pages_of_failed(execution) -> dict[str, str]:
    path = f"/executions/{execution.id}"
    return {
        "execution-failed": path,
        "execution-logs": f"{path}/logs",
        "execution-step": f"{path}/step?path=look",
        "execution-retry": f"{path}/retry",
    }


@pytest.fixture
def scene(engine, child, site, browser) -> dict[str, str]:
    """Workflows and executions such as people have; gives pages by their names."""
    _health()
    workflows = [
        engine.workflow(FINE | {"name": n, "tags": ["finance"]}) for n in NAMES
    ]
    _history(engine, workflows)
    failed = _failing_workflow(engine)
    resize(browser, 1280, 720)
    browser.get(f"{site.url}/sign-in")
    _evidence(failed, browser.get_screenshot_as_png())
    done = engine.run(LOOP | {"name": "Count rows"})
    asking = parked(engine, child, ask(title="Pay Ann 12?", message="For October."))
    return {
        "home": "/",
        "workflows": "/workflows",
        **_pages_of_workflow(failed.workflow),
        "executions": "/executions",
        "executions-filtered": "/executions?state=failed&trigger=api",
        **_pages_of_failed(failed),
        "execution-queued": f"/executions/{_late(engine, workflows[1]).id}",
        "execution-done": f"/executions/{done.id}",
        "execution-asks": f"/executions/{asking.id}",
        "approve": _link(engine, asking),
        "templates": "/templates",
        "schedules": "/schedules",
        "notifications": "/notifications",
        "analytics": "/analytics",
        "not-found": f"/executions/{NOBODY}",
        "no-such-address": "/no/such/address",
    }
