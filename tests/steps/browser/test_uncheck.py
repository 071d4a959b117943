import pytest

pytestmark = pytest.mark.browser


def test_takes_the_tick_away_once(on_page, browser, site):
    site.show("<label>News <input type=checkbox id=a checked></label>")
    assert on_page("uncheck", target="label=News")[0] == {"changed": True}
    assert browser.text("#a") == "false"
    assert on_page("uncheck", target="#a")[0] == {"changed": False}


def test_a_radio_button_cannot_be_unchecked(failure_of, site):
    site.show("<input type=radio id=a checked>")
    error = failure_of("uncheck", target="#a")
    assert error.code == "not_a_checkbox"
    assert "another one" in error.message
