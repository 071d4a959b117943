import pytest

from apps.steps.browser.session import BrowserSession

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("params", "left"),
    [({}, []), ({"names": ["a"]}, ["b"]), ({"domain": "example.com"}, ["a", "b"])],
)
def test_removes_those_that_are_chosen(on_page, site, params, left):
    site.show("x")
    on_page("clear_cookies")
    cookies = [{"name": name, "value": "1"} for name in "ab"]
    on_page("set_cookies", cookies=cookies)
    assert on_page("clear_cookies", **params)[0] == {"removed": 2 - len(left)}
    found = on_page("get_cookies")[0]["cookies"]
    assert [one["name"] for one in found] == left


def test_leaves_those_of_other_executions(
    on_page, run_step, step_ctx, browser, site, host
):
    url = site.show("x")
    on_page("clear_cookies")
    on_page("set_cookies", cookies=[{"name": "a", "value": "1"}])
    with BrowserSession(host) as other:
        other.goto(url)
        given = [{"name": "b", "value": "1"}]
        ctx = step_ctx(browser=other)
        run_step("set_cookies", {"cookies": given}, ctx)
        assert run_step("clear_cookies", {}, ctx) == {"removed": 1}
    browser.enter_tab(browser.tabs[0])
    found = on_page("get_cookies")[0]["cookies"]
    assert [one["name"] for one in found] == ["a"]
