"""Rule 7: a browser that dies in the middle of a form costs time and nothing else."""

import contextlib

import psutil
import pytest

from tests.executions.test_worker import child_of
from tests.fixtures_engine import wait_for
from tests.http_server import running
from tests.steps.browser.small_grid import start_chromedriver

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

FORM = """<!doctype html><title>Order</title><form method=post action=/order>
<label>Name <input name=name></label> <label>Town <input name=town></label>
<label>Size <select name=size><option>S<option>L</select></label>
<button>Send</button></form>"""
# Its next page comes long after the click.
LATE = """<!doctype html><title>Late</title><label>Nick <input></label>
<button onclick="setTimeout(() => location = '/form', 700)">Next</button>"""
THANKS = "<!doctype html><title>Thanks</title><h1>Thank you</h1>"


@pytest.fixture
def shop():
    with running() as server:
        kind = {"Content-Type": "text/html"}
        server.answers("/form", 200, FORM, kind)
        server.answers("/order", 200, THANKS, kind)
        server.answers("/late", 200, LATE, kind)
        yield server


def step(step_id, type_, **params):
    return {"id": step_id, "type": type_, "params": params}


def order(shop):
    """A form of three fields, with a pause in the middle."""
    return [
        step("open", "navigate", url=shop.url("/form")),
        step("name", "type", target="label=Name", text="Ann"),
        step("size", "select_option", target="label=Size", label="L"),
        step("pause", "delay", seconds=4),
        step("town", "type", target="label=Town", text="Bern"),
        step("send", "click", target="text=Send"),
        step("said", "extract_text", target="h1"),
    ]


@pytest.fixture
def paused(engine, start_worker, shop):
    """An order whose worker pauses in the middle of the form, and its child."""
    worker = start_worker("--concurrency", "1", EGRESS_ALLOW=shop.address)
    execution = engine.start({"steps": order(shop)})
    wait_for(lambda: "pause running" in engine.paths(execution), what="it pauses")
    return execution, child_of(worker, execution, engine)


def pauses(engine, execution, delivery):
    """Whether that delivery has come to the pause."""
    is_there = "pause running" in engine.paths(execution)
    return is_there and engine.now(execution).deliveries == delivery


def below(child, name):
    """Processes of the browser below the child."""
    for process in child.children(recursive=True):
        is_driver = "chromedriver" in process.name()
        if "chrom" in process.name() and is_driver == (name == "chromedriver"):
            yield process


@pytest.mark.parametrize("victim", ["chromedriver", "chromium", "child"])
def test_a_form_is_filled_again_and_sent_once(engine, beat, paused, shop, victim):
    execution, child = paused
    victims = [child] if victim == "child" else list(below(child, victim))
    assert victims
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):  # it went with another one
            process.kill()
    done = engine.ended(execution, within=90)
    assert (done.status, done.deliveries) == ("completed", 2), done.error
    assert done.outputs["said"] == "Thank you"
    sent = [one.text for one in shop.requests if one.path == "/order"]
    assert sent == ["name=Ann&town=Bern&size=L"]
    assert {row.status for row in engine.records(execution)} == {"completed"}


@pytest.mark.parametrize(
    "victim", [pytest.param("chromedriver", marks=pytest.mark.long), "chromium"]
)
def test_a_browser_that_does_not_answer_is_replaced_and_its_page_restored(
    engine, beat, start_worker, shop, victim
):
    worker = start_worker("--concurrency", "1", EGRESS_ALLOW=shop.address)
    steps = order(shop)
    # The next step is the one that notices; it has no more time than that.
    steps[4] |= {"timeout": "3s", "retry": {"max_attempts": 2, "delay": "100ms"}}
    execution = engine.start({"steps": steps})
    wait_for(lambda: pauses(engine, execution, 1), what="it pauses")
    stopped = list(below(child_of(worker, execution, engine), victim))
    for process in stopped:
        process.suspend()
    done = engine.ended(execution, within=90)
    assert (done.status, done.deliveries) == ("completed", 2), done.error
    sent = [one.text for one in shop.requests if one.path == "/order"]
    assert sent == ["name=Ann&town=Bern&size=L"]
    attempts = [row.status for row in engine.records(execution) if row.path == "town"]
    assert attempts == ["failed", "completed"]
    wait_for(lambda: not any(map(_is_alive, stopped)), what="they are ended")


def _is_alive(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_remote_browser_that_is_lost_is_replaced_by_another(
    engine, beat, start_worker, shop, tmp_path
):
    driver = start_chromedriver(tmp_path)
    settings = {"SELENIUM_REMOTE_URL": driver.url, "BROWSER_SANDBOX": "false"}
    worker = start_worker("--concurrency", "1", EGRESS_ALLOW=shop.address, **settings)
    execution = engine.start({"steps": order(shop)})
    wait_for(lambda: pauses(engine, execution, 1), what="it pauses")
    driver.end()
    driver = start_chromedriver(tmp_path, driver.port)
    done = engine.ended(execution, within=90)
    assert (done.status, done.deliveries) == ("completed", 2), done.error
    sent = [one.text for one in shop.requests if one.path == "/order"]
    assert sent == ["name=Ann&town=Bern&size=L"]
    assert len(driver.sessions) == 1
    worker.stop()
    wait_for(lambda: driver.sessions == [], what="the session is ended")
    driver.end()


def test_a_page_that_came_after_its_click_is_the_one_to_go_on_from(
    engine, beat, start_worker, shop
):
    steps = [
        step("open", "navigate", url=shop.url("/late")),
        step("nick", "type", target="label=Nick", text="A"),
        step("next", "click", target="text=Next"),
        *order(shop)[1:],
    ]
    worker = start_worker("--concurrency", "1", EGRESS_ALLOW=shop.address)
    execution = engine.start({"steps": steps})
    # Twice: what is done again must not lose the page that it came upon.
    for delivery in (1, 2):
        wait_for(lambda times=delivery: pauses(engine, execution, times), within=60)
        child_of(worker, execution, engine).kill()
    done = engine.ended(execution, within=90)
    assert (done.status, done.deliveries) == ("completed", 3), done.error
    sent = [one.text for one in shop.requests if one.path == "/order"]
    assert sent == ["name=Ann&town=Bern&size=L"]
    assert [one.path for one in shop.requests].count("/late") == 1


def test_each_click_that_sends_a_form_keeps_the_page_it_led_to(engine, shop, settings):
    settings.EGRESS_ALLOW = shop.address
    sends = [
        step("open", "navigate", url=shop.url("/form")),
        step("send", "click", target="text=Send"),
    ]
    block = {"id": "all", "type": "loop", "times": 20, "steps": sends}
    execution = engine.run({"steps": [block]})
    assert execution.status == "completed", execution.error
    led_to = [
        (row.state or {}).get("browser", {}).get("url")
        for row in engine.records(execution)
        if row.type == "click"
    ]
    assert led_to == [shop.url("/order")] * 20
