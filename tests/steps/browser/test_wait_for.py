import threading

import pytest

from apps.steps.base import Effect
from apps.steps.browser.wait_for import WaitFor, WaitForParams
from tests.http_server import Answer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("visible", "b.hidden = false"),
        ("hidden", "a.remove()"),
        ("hidden", "a.hidden = true"),
        ("attached", "document.body.insertAdjacentHTML('beforeend', '<i id=c>x</i>')"),
        ("enabled", "d.disabled = false"),
    ],
)
def test_waits_for_a_state(on_page, site, state, change):
    target = {"visible": "#b", "hidden": "#a", "attached": "#c", "enabled": "#d"}[state]
    later = f"setTimeout(() => {{ {change} }}, 150)"
    site.show(
        "<p id=a>a</p><p id=b hidden>b</p><button id=d disabled>d</button>"
        f"<script>{later}</script>"
    )
    on_page("wait_for", target=target, state=state)


def test_waits_for_a_text_and_an_address(on_page, site):
    later = (
        "setTimeout(() => { p.textContent = 'all  done'; location.hash = 'x7' }, 150)"
    )
    url = site.show(f"<p id=p>working</p><script>{later}</script>")
    output, _ = on_page("wait_for", target="#p", text="all done", url="/page#*7")
    assert output == {"url": f"{url}#x7"}
    on_page("wait_for", text="done")


def test_says_what_it_waited_for_in_vain(failure_of, site):
    site.show("<p>x</p>")
    error = failure_of("wait_for", target="#never", text="done", timeout=0.2)
    assert error.code == "wait_timed_out"
    assert "`#never` to be visible and the text `done`" in error.message


def test_a_broken_selector_does_not_wait(failure_of, site):
    site.show("<p>x</p>")
    assert failure_of("wait_for", target="[[").code == "invalid_selector"


def test_needs_something_to_wait_for(run_step):
    with pytest.raises(ValueError, match="at least one of"):
        run_step("wait_for", {"timeout": 1})


def test_waits_for_a_number_of_elements(on_page, failure_of, site):
    add = "document.body.insertAdjacentHTML('beforeend', '<p>x</p>')"
    site.show(f"<p>x</p><p hidden>x</p><script>setTimeout(() => {add}, 150)</script>")
    on_page("wait_for", target="p", count=2)
    error = failure_of("wait_for", target="p", count=3, timeout=0.2)
    assert "3 of `p` to be visible" in error.message


def test_waits_for_an_expression(on_page, failure_of, site):
    later = "setTimeout(() => { cart = {items: Promise.resolve([1])} }, 150)"
    site.show(f"<script>var cart; {later}</script>")
    on_page("wait_for", expression="(await cart.items).length // is filled")
    error = failure_of("wait_for", expression="cart.items.none", timeout=0.2)
    assert error.code == "wait_timed_out"
    assert "`cart.items.none` to be true" in error.message
    error = failure_of("wait_for", expression="cart ===")
    assert error.code == "script_failed"


def test_waits_for_the_end_of_requests(on_page, failure_of, browser, site):
    go_on = threading.Event()
    site.server.answers_with("/held", lambda _: (go_on.wait(10), Answer())[1])
    fetch = "fetch('/held').then(() => { document.title = 'held' })"
    source = "new EventSource('/stream')"
    site.show(f"<p>x</p><script>{source}; {fetch}</script>")
    error = failure_of("wait_for", network_idle=True, timeout=0.8)
    assert "the end of all requests" in error.message
    go_on.set()
    on_page("wait_for", network_idle=True)
    assert browser.state()["title"] == "held"


def test_keeps_a_file_that_was_downloaded(on_page, run_step, step_ctx, browser, site):
    headers = {"Content-Disposition": "attachment; filename=a.txt"}
    site.server.answers("/a", body=b"hello", headers=headers)
    url = site.show("<a href=/a>Get it</a>")
    on_page("click", target="a")
    ctx = step_ctx(browser=browser)
    output = run_step("wait_for", {"download": "in/b.txt"}, ctx)
    assert (output["url"], output["path"], output["name"]) == (url, "in/b.txt", "a.txt")
    assert ctx.files.read_text("in/b.txt") == "hello"


def test_says_that_no_file_came(failure_of, site):
    site.show("x")
    error = failure_of("wait_for", download="in/b.txt", timeout=0.2)
    assert "a file to keep as in/b.txt" in error.message


def test_only_a_file_that_is_kept_is_a_write():
    kept = WaitForParams.model_validate({"download": "a"})
    assert WaitFor().effect_of(kept) is Effect.WRITE
    asked = WaitForParams.model_validate({"expression": "1"})
    assert WaitFor().effect_of(asked) is Effect.READ
