"""Pages that are live by WebSocket, in a real browser."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.dashboard.browsing import (
    all_of,
    complaints,
    connection,
    find,
    resize,
    sign_in,
    until,
)
from tests.dashboard.documents import FAILS, FINE, LOOP
from tests.realtime.conftest import publish

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The events that a page has heard, in order.
_LISTEN = """
    window.heard = [];
    document.addEventListener("rpa:event", (event) => window.heard.push(event.detail));
"""

_NEVER_LOOK = """
    const parts = document.querySelectorAll("[data-live]");
    parts.forEach((part) => (part.dataset.calm = 999));
"""


@pytest.fixture
def watching(alice, site, browser):
    """Opens a page as alice and waits until it is live."""
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)

    def watch(path: str) -> None:
        browser.get(f"{site.url}{path}")
        browser.execute_script(_LISTEN)
        until(browser, lambda: connection(browser) == "live")

    return watch


def heard(browser) -> list[dict]:
    return browser.execute_script("return window.heard")


def rows(browser) -> list[str]:
    return [one.get_attribute("id") for one in all_of(browser, "#rows tr[id]")]


def test_an_execution_is_seen_as_it_happens(engine, site, browser, watching):
    execution = engine.start(LOOP)
    publish()
    watching(f"/executions/{execution.id}")
    chip = find(browser, "h1 .chip")
    assert chip.text == "queued"
    engine.run_started(str(execution.id))
    publish()
    until(browser, lambda: chip.text == "completed")
    types = [one["type"] for one in heard(browser)]
    assert types[-1] == "execution-completed"
    until(browser, lambda: find(browser, "#connection").text == "Up to date")
    assert len(all_of(browser, "#step-rows li[id^=round]")) == 3
    assert complaints(browser) == []


def test_steps_are_seen_while_a_worker_runs_them(
    engine, site, browser, watching, start_worker
):
    steps = [{"id": "rest", "type": "delay", "params": {"seconds": 3}}]
    execution = engine.start({"steps": [*FINE["steps"], *steps]})
    watching(f"/executions/{execution.id}")
    # Nobody publishes here, and the page does not look by itself: only the worker's
    # hints can tell that a step has begun.
    browser.execute_script(_NEVER_LOOK)
    start_worker("--concurrency", "1", WORKER_GRACE="2")
    find(browser, "#step-rest .mark.running")
    assert all_of(browser, "#step-greet .mark.completed")
    engine.ended(execution)
    publish()
    until(browser, lambda: find(browser, "#connection").text == "Up to date")
    assert all_of(browser, "#step-rest .mark.completed")
    assert complaints(browser) == []


def test_new_executions_join_the_list_above_the_rows_that_stay(
    engine, site, browser, watching
):
    engine.run(LOOP)
    publish()
    watching("/executions")
    row = find(browser, "#rows tbody tr")
    tick = find(browser, "#rows input[name=id]")
    tick.send_keys(Keys.SPACE)  # a pointer above the list would hold it still
    made = engine.start(FAILS)
    publish()
    until(browser, lambda: rows(browser)[0] == f"row-{made.id}")
    assert all_of(browser, "#rows tr[id]")[1] == row
    assert tick.is_selected()
    assert complaints(browser) == []


def test_a_page_comes_back_and_misses_nothing(engine, site, browser, watching):
    workflow = engine.workflow(FINE)
    engine.start(workflow)
    publish()
    watching("/executions")
    first = engine.start(workflow)
    publish()
    until(browser, lambda: len(heard(browser)) == 1)
    site.web.program.kill()
    until(browser, lambda: connection(browser) not in ("live", "catching-up"))
    away = [engine.start(workflow) for _ in range(3)]
    publish()
    assert site.web.program.log is not None
    site.web.program.start(site.web.program.log)
    until(browser, lambda: connection(browser) == "live")
    until(browser, lambda: len(heard(browser)) == 4)
    found = heard(browser)
    wanted = [str(one.id) for one in (first, *away)]
    assert [one["executionId"] for one in found] == wanted
    ids = [one["id"] for one in found]
    assert ids == sorted(set(ids))
    until(browser, lambda: f"row-{away[-1].id}" in rows(browser))
    browser.get_log("browser")  # that it was away, it may have said


def test_a_gap_is_noticed_and_filled(engine, site, browser, watching):
    workflow = engine.workflow(FINE)
    engine.start(workflow)
    publish()
    watching("/executions")
    # The page believes to be further back than it is: as if one had been lost.
    module = f"{site.url}/static/dashboard/live/socket.js"
    browser.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        import(arguments[0]).then(({ LiveSocket }) => {
          const take = LiveSocket.prototype.take;
          let isFirst = true;
          LiveSocket.prototype.take = function (said) {
            if (isFirst) { isFirst = false; return; }
            take.call(this, said);
          };
          done();
        });
        """,
        module,
    )
    made = [engine.start(workflow) for _ in range(2)]
    publish()
    until(browser, lambda: len(heard(browser)) == 2)
    assert [one["executionId"] for one in heard(browser)] == [str(x.id) for x in made]


@pytest.mark.parametrize(
    ("origin", "kind"),
    [("https://evil.example", "origin"), ("http://127.0.0.1:1", "no-upgrade")],
)
def test_the_cause_of_a_refusal_is_found_out(
    engine, alice, site, browser, origin, kind
):
    sign_in(browser, site.url, alice.email)
    found = browser.execute_async_script(
        """
        const [module, origin, done] = arguments;
        import(module).then(({ explain }) => explain("/ws", origin)).then(done);
        """,
        f"{site.url}/static/dashboard/live/causes.js",
        origin,
    )
    assert found["kind"] == kind
    browser.get_log("browser")  # an answer of 426 is an error to the console


def test_pauses_grow_are_bounded_and_differ(site, browser):
    browser.get(f"{site.url}/sign-in")
    found = browser.execute_async_script(
        """
        const [module, done] = arguments;
        import(module).then(({ pauseMs }) => done({
          least: [0, 1, 2, 3, 20].map((attempt) => pauseMs(attempt, 1006, () => 0)),
          most: [0, 1, 2, 3, 20].map((attempt) => pauseMs(attempt, 1006, () => 1)),
          restart: [pauseMs(0, 1012, () => 0), pauseMs(0, 1012, () => 1)],
          crowded: pauseMs(0, 1013, () => 0),
        }));
        """,
        f"{site.url}/static/dashboard/live/pauses.js",
    )
    assert found["least"] == [250, 500, 1_000, 2_000, 4_000]
    assert found["most"] == [500, 1_000, 2_000, 4_000, 8_000]
    assert found["restart"] == [0, 10_000]
    assert found["crowded"] == 15_000


def test_the_list_of_workflows_shows_how_each_ran_last(engine, site, browser, watching):
    workflow = engine.workflow(FINE | {"name": "Alpha"})
    watching("/workflows")
    assert find(browser, f"#row-{workflow.id}").text.count("never ran") == 1
    engine.run(workflow)
    publish()
    until(browser, lambda: all_of(browser, f"#row-{workflow.id} .chip.completed"))
    assert all_of(browser, f"#row-{workflow.id} .spark rect.completed")
    # One that somebody else makes comes too, with its tags.
    made = engine.workflow(FINE | {"name": "Beta", "tags": ["new"]})
    publish()
    until(browser, lambda: all_of(browser, f"#row-{made.id}"))
    until(browser, lambda: find(browser, "#tags").text.startswith("new"))
    assert complaints(browser) == []


def test_a_workflow_is_seen_to_run_and_to_change(engine, site, browser, watching):
    from apps.workflows.services import workflow_update

    workflow = engine.workflow(FINE | {"name": "Alpha"})
    watching(f"/workflows/{workflow.id}")
    engine.run(workflow)
    publish()
    until(browser, lambda: "1 completed" in find(browser, "#doing").text)
    assert all_of(browser, "#doing .spark rect.completed")
    document = LOOP | {"name": "Alpha", "description": "twice"}
    with engine.scope():
        workflow_update(workflow=workflow, by=engine.viewer, document=document)
    publish()
    until(browser, lambda: "version 2" in find(browser, "#definition").text)
    until(browser, lambda: "version 2" in find(browser, "#workflow-head").text)
    assert "times: 3" in find(browser, "#definition pre").text
    assert complaints(browser) == []
