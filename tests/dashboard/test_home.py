"""The first page: counts over time, success, what fails, what is late."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core import tenancy
from apps.dashboard.selectors import Home
from apps.executions import history
from apps.executions.models import Execution
from tests.dashboard.documents import FAILS, FINE

pytestmark = pytest.mark.django_db(transaction=True)


def change(execution, **values):
    with tenancy.tenant(execution.organization_id):
        Execution.objects.filter(id=execution.id).update(**values)


def test_the_chart_counts_by_time_and_state(engine, owner):
    engine.run(FINE)
    engine.run(FAILS)
    page = owner.get("/")
    chart = json.loads(page.all("[data-chart]")[0].get("data-chart"))
    found = {one["state"]: one["values"] for one in chart["series"]}
    assert set(found) == {"completed", "failed"}
    assert {key: sum(values) for key, values in found.items()} == {
        "completed": 1,
        "failed": 1,
    }
    assert len(chart["labels"]) == 24
    assert len(page.all("#chart-table tbody tr")) in (1, 2)
    assert "50.0 %" in page.all("[aria-label='Success rate']")[0].text_content()


def test_ranges_are_chosen_by_the_address(engine, owner):
    engine.run(FINE)
    for key, parts in (("24h", 24), ("7d", 28), ("30d", 30)):
        page = owner.get(f"/?range={key}")
        chart = json.loads(page.all("[data-chart]")[0].get("data-chart"))
        assert (len(chart["labels"]), sum(chart["series"][0]["values"])) == (parts, 1)
    assert owner.get("/?range=odd").status == 400


def test_success_is_compared_with_the_time_before(engine, owner, monkeypatch):
    engine.run(FINE)
    home = Home("24h")
    before = home._start - timedelta(hours=1)
    counts = {home._start: {"completed": 3, "failed": 1}, before: {"completed": 1}}
    counted = history.OverTime(counts, is_cut=False)
    monkeypatch.setattr("apps.executions.history.over_time", lambda *_: counted)
    assert (home.success_rate, home.success_change) == (75.0, -25.0)


def test_no_more_than_the_newest_are_counted(engine, owner, monkeypatch):
    monkeypatch.setattr("apps.executions.history.MOST_COUNTED", 2)
    for _ in range(3):
        engine.run(FINE)
    page = owner.get("/")
    assert "the newest" in page.text
    assert page.all("[aria-label='Executions'] b")[0].text == "2"


def test_what_is_late_is_listed_with_what_is_wrong(engine, owner):
    now = timezone.now()
    old = now - timedelta(minutes=5)
    queued, held, waiting, silent = (engine.start(FINE) for _ in range(4))
    change(queued, queued_at=old)
    change(held, queued_at=old, is_held=True)
    change(waiting, status="waiting", due_at=old)
    change(silent, status="running", lease_until=old)
    page = owner.get("/")
    found = {
        row.get("id"): " ".join(row.text_content().split())
        for row in page.all("tr[id^=late]")
    }
    assert set(found) == {f"late-{one.id}" for one in (queued, waiting, silent)}
    assert "free worker" in found[f"late-{queued.id}"]
    assert "should have gone on" in found[f"late-{waiting.id}"]
    assert "gone silent" in found[f"late-{silent.id}"]


def test_what_is_not_there_yet_says_what_comes(looker, nobody):
    for path in ("/templates", "/schedules", "/notifications", "/analytics"):
        page = looker.get(path)
        assert page.status == 200
        assert "Not there yet." in page.text
        assert page.all("nav a[aria-current=page]")[0].get("href") == path
        assert nobody.get(path).status == 302
