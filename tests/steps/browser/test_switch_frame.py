import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser


@pytest.fixture
def framed(browser, site):
    """A page with a frame in a frame, each with fields of the same name."""
    field = "<p>{0}</p><label>Name <input id=a value={0}></label>"
    inner = site.add("/inner", field.format("inner"))
    frame = f"<iframe id=g src={inner}></iframe><div style='height:4000px'></div>"
    outer = site.add("/outer", field.format("outer") + frame)
    return site.show(field.format("top") + f"<iframe id=f src={outer}></iframe>")


def test_steps_work_in_the_frame_until_they_leave_it(on_page, browser, site, framed):
    output, _ = on_page("switch_frame", frame="#f")
    assert output == {"url": site.server.url("/outer")}
    assert browser.text("p") == "outer"
    assert browser.text({"primary": "p", "frame": ["#g"]}) == "inner"
    on_page("type", target="label=Name", text="Ada")
    on_page("assert_page", text="outer")
    on_page("wait_for", expression="location.pathname === '/outer'")
    assert on_page("scroll", to="bottom")[0]["y"] > 3000
    assert on_page("execute_script", script="return a.value")[0] == "Ada"
    on_page("switch_frame", frame=["#f", "#g"])
    on_page("solve_form", fields={"Name": "Bob"})
    assert browser.text("#a") == "Bob"
    assert on_page("switch_frame")[0] == {"url": framed}
    assert browser.text("#a") == "top"


def test_another_page_begins_outside_of_frames(on_page, browser, site, framed):
    for leave in ("reload", "navigate", "go_back"):
        on_page("switch_frame", frame="#f")
        on_page(leave, **({"url": framed} if leave == "navigate" else {}))
        assert browser.frame == ()
        assert browser.text("p") == "top"


def test_a_frame_that_is_not_there_is_named(on_page, failure_of, browser, framed):
    error = failure_of("switch_frame", frame=["#f", "#gone"], timeout=0.3)
    assert error.code == "frame_not_found"
    assert "`#gone`" in error.message
    assert browser.text("p") == "top"
    on_page("switch_frame", frame="#f")
    browser.driver.switch_to.default_content()
    browser.driver.execute_script("f.remove()")
    error = failure_of("click", target="p", timeout=0.2)
    assert "There is no frame `#f`" in error.message


def test_a_checkpoint_knows_the_frame(on_page, browser, site, host, framed):
    on_page("switch_frame", frame="#f")
    kept = browser.checkpoint()
    on_page("switch_frame")
    with BrowserSession(host) as other:
        other.restore(kept)
        assert other.text("p") == "outer"
