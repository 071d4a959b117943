"""The pages in a real browser, wide and narrow."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from apps.executions.models import Execution
from tests.dashboard.browsing import (
    all_of,
    complaints,
    connection,
    find,
    resize,
    sign_in,
    until,
)
from tests.dashboard.documents import ASKS, FAILS, LOOP, SCRIPTED

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# How much of the page lies beyond the window's edge, in pixels.
OVER = """
    const page = document.documentElement;
    return page.scrollWidth - page.clientWidth;
"""


def pages_of(failed: Execution, loop: Execution) -> tuple[str, ...]:
    workflow = f"/workflows/{loop.workflow_id}"
    return (
        "/",
        "/workflows",
        workflow,
        f"{workflow}/runs",
        f"{workflow}/versions",
        f"{workflow}/settings",
        f"{workflow}/schedules",
        f"/executions/{failed.id}",
        f"/executions/{failed.id}/logs",
        f"/executions/{failed.id}/artifacts",
        f"/executions/{failed.id}/retry",
        f"/executions/{failed.id}/step?path=look",
        "/templates",
        "/schedules",
        "/analytics",
        "/notifications",
        f"/executions/{loop.id}",
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_the_console_stays_silent(engine, alice, site, browser, width):
    failed, loop = engine.run(FAILS), engine.run(LOOP)
    resize(browser, width)
    sign_in(browser, site.url, alice.email)
    assert len(all_of(browser, "#rows tbody tr")) == 2
    for path in pages_of(failed, loop):
        browser.get(f"{site.url}{path}")
        assert browser.execute_script(OVER) == 0, path
    find(browser, "summary").click()
    assert find(browser, "#step-rows details li .step.round").is_displayed()
    assert complaints(browser) == []


def test_scripts_in_names_and_outputs_are_only_text(engine, alice, site, browser):
    execution = engine.run(SCRIPTED)
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    for path in (
        "/",
        "/workflows",
        "/executions",
        f"/workflows/{execution.workflow_id}",
        f"/executions/{execution.id}",
        f"/executions/{execution.id}/logs",
        f"/executions/{execution.id}/retry",
        f"/executions/{execution.id}/step?path=say",
    ):
        browser.get(f"{site.url}{path}")
        assert "<script>" in find(browser, "main").get_attribute("textContent"), path
        assert not browser.execute_script("return window.wasRun"), path
    assert complaints(browser) == []


def test_an_open_execution_changes_in_place_without_a_socket(
    engine, alice, live_server, browser
):
    execution = engine.start(LOOP)
    resize(browser, 1280)
    sign_in(browser, live_server, alice.email)
    browser.get(f"{live_server}/executions/{execution.id}")
    chip = find(browser, "h1 .chip")
    assert chip.text == "queued"
    # This server knows no WebSocket, and the dot says what it answered.
    until(browser, lambda: connection(browser) == "404")
    assert "The server answered 404" in find(browser, "#connection").text
    with engine.scope():
        Execution.objects.filter(id=execution.id).update(status="cancelled")
    until(browser, lambda: chip.text == "cancelled")
    until(browser, lambda: find(browser, "#connection").text == "Up to date")
    assert all_of(browser, "[data-live]") == []


def test_keys_lead_through_the_pages(engine, alice, site, browser):
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    browser.switch_to.active_element.send_keys("?")
    assert find(browser, "dialog[open]").is_displayed()
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    find(browser, "body").send_keys("gw")
    until(browser, lambda: browser.current_url == f"{site.url}/workflows")
    find(browser, "body").send_keys("/")
    until(
        browser,
        lambda: browser.switch_to.active_element.get_attribute("id") == "search",
    )
    assert complaints(browser) == []


def test_the_retry_dialog_says_what_is_reused_and_changes_inputs(
    engine, alice, site, browser
):
    steps = [*ASKS["steps"], *FAILS["steps"][1:]]
    failed = engine.run(ASKS | {"steps": steps}, inputs={"customer": "42"})
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    browser.get(f"{site.url}/executions/{failed.id}")
    find(browser, "body").send_keys("r")
    until(browser, lambda: find(browser, "#retry").is_displayed())
    preview = find(browser, "#retry-preview")
    until(browser, lambda: "Reuses 1 recorded step" in preview.text)
    find(browser, "#retry-from").send_keys("the beginning")
    until(browser, lambda: "Reuses no recorded step" in preview.text)
    find(browser, "#retry [name=edit]").click()
    field = find(browser, "#retry-input-customer")
    field.clear()
    field.send_keys("43")
    find(browser, "#retry .btn.primary").click()
    until(browser, lambda: str(failed.id) not in browser.current_url)
    with engine.scope():
        again = Execution.objects.order_by("-id").first()
    assert (again.inputs["customer"], again.retry_of) == ("43", failed.id)
    assert complaints(browser) == []


def test_a_step_opens_beside_the_others(engine, alice, site, browser):
    failed = engine.run(FAILS)
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    browser.get(f"{site.url}/executions/{failed.id}")
    find(browser, "#step-look .name a").click()
    until(browser, lambda: "no/such.txt" in find(browser, "#step").text)
    assert browser.current_url.endswith(str(failed.id))
    assert find(browser, "#step").find_element(By.CSS_SELECTOR, ".note").text


def test_the_chart_is_drawn_and_stands_in_a_table(engine, alice, site, browser):
    engine.run(FAILS)
    resize(browser, 1280)
    sign_in(browser, site.url, alice.email)
    browser.get(f"{site.url}/")
    canvas = find(browser, ".chart canvas")
    # Chart.js gives it a size in pixels when it draws.
    until(browser, lambda: int(canvas.get_attribute("width")) > 300)
    find(browser, ".numbers summary").click()
    assert "failed" in find(browser, "#chart-table thead").text
    assert complaints(browser) == []
