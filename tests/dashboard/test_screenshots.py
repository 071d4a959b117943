"""Pictures of every page, wide and narrow, light and dark, for docs/screenshots.

They are made when they are asked for:

    SCREENSHOTS=docs/screenshots python3 manage.py test -n 0 \
        tests/dashboard/test_screenshots.py
"""

import io
import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from PIL import Image

from apps.core import heartbeats, tenancy
from apps.core.ids import uuid7_floor
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.models import Execution, Worker
from apps.steps.browser.evidence.collecting import Piece
from apps.workflows.services import workflow_update
from tests.dashboard.browsing import all_of, find, paint, resize, sign_in, until
from tests.dashboard.documents import ASKS, FAILS, FINE, LOOP

FOLDER = os.environ.get("SCREENSHOTS", "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not FOLDER, reason="no SCREENSHOTS folder was named"),
]
WIDTHS = {"wide": 1280, "narrow": 390}
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
                labels={"team": "finance"} if number % 4 == 1 else {},
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


@pytest.fixture
def scene(engine, site, browser):
    """Workflows and executions such as people have; gives pages by their names."""
    _health()
    workflows = [
        engine.workflow(FINE | {"name": n, "tags": ["finance"]}) for n in NAMES
    ]
    _history(engine, workflows)
    failing = FAILS | {"name": "Monthly statement", "steps": [*LOOP["steps"]]}
    failing["steps"] += FAILS["steps"]
    failing["inputs"] = ASKS["inputs"]
    failing["description"] = "Collects what each customer owes and writes the letter."
    failed = engine.run(failing, inputs={"customer": "Ann & Co"})
    resize(browser, 1280, 720)
    browser.get(f"{site.url}/sign-in")
    _evidence(failed, browser.get_screenshot_as_png())
    done = engine.run(LOOP | {"name": "Count rows"})
    waiting = engine.start(workflows[1])
    with engine.scope():
        Execution.objects.filter(id=waiting.id).update(
            queued_at=timezone.now() - timedelta(minutes=3)
        )
        changed = {**failing, "name": "Monthly statement"}
        changed["settings"] = {"timeout": "10m"}
        changed["steps"] = [*failing["steps"][:-1], {**failing["steps"][-1]}]
        changed["steps"][-1]["params"] = {"path": "letters/all.txt"}
        workflow_update(
            workflow=failed.workflow,
            by=engine.viewer,
            document=changed,
            comment="The letters have a folder of their own",
        )
    workflow = f"/workflows/{failed.workflow_id}"
    return {
        "home": "/",
        "workflows": "/workflows",
        "workflow": workflow,
        "workflow-runs": f"{workflow}/runs",
        "workflow-versions": f"{workflow}/versions",
        "workflow-schedules": f"{workflow}/schedules",
        "workflow-settings": f"{workflow}/settings",
        "executions": "/executions",
        "executions-filtered": "/executions?state=failed&trigger=api",
        "execution-failed": f"/executions/{failed.id}",
        "execution-queued": f"/executions/{waiting.id}",
        "execution-done": f"/executions/{done.id}",
        "execution-logs": f"/executions/{failed.id}/logs",
        "execution-step": f"/executions/{failed.id}/step?path=look",
        "execution-retry": f"/executions/{failed.id}/retry",
        "templates": "/templates",
        "schedules": "/schedules",
        "notifications": "/notifications",
        "analytics": "/analytics",
    }


def take(browser, name: str) -> None:
    """A picture of the whole page; what is live says so first."""
    if all_of(browser, "[data-live]"):
        said = find(browser, "#connection")
        until(browser, lambda: said.get_attribute("data-state") == "live")
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    # Few colors are enough for pages, and a third of the bytes.
    picture.quantize(96).save(folder / f"{name}.png", optimize=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_every_page_has_its_picture(scene, alice, site, browser, size, scheme):
    resize(browser, WIDTHS[size])
    paint(browser, scheme)
    browser.delete_all_cookies()
    browser.get(f"{site.url}/sign-in")
    take(browser, f"sign-in-{size}-{scheme}")
    sign_in(browser, site.url, alice.email)
    for name, path in scene.items():
        browser.get(f"{site.url}{path}")
        take(browser, f"{name}-{size}-{scheme}")
    if size == "wide":
        browser.get(f"{site.url}{scene['execution-failed']}")
        find(browser, "[data-retry]").click()
        until(browser, lambda: "Reuses" in find(browser, "#retry-preview").text)
        take(browser, f"execution-retry-dialog-{size}-{scheme}")
    paint(browser, "light")
