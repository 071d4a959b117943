import pytest

pytestmark = pytest.mark.browser


def test_opens_the_page_that_was_left_by_going_back(on_page, browser, site):
    site.show("<p>one</p>")
    second = site.show("<p>two</p>", "/two")
    on_page("go_back")
    output, _ = on_page("go_forward")
    assert output == {"url": second, "title": "Page /two", "status": 200}
    assert browser.text("p") == "two"


def test_says_when_there_is_no_such_page(failure_of, site):
    site.show("<p>one</p>")
    error = failure_of("go_forward")
    assert error.code == "no_history"
    assert "after this one" in error.message
