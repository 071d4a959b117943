import pytest

pytestmark = pytest.mark.browser

LONG = "<div style='height:5000px'>long</div><p id=end>end</p>"


def test_scrolls_to_the_ends_and_by_pixels(on_page, site):
    site.show(LONG)
    assert on_page("scroll", by=300)[0] == {"x": 0, "y": 300}
    assert on_page("scroll", by=-100)[0] == {"x": 0, "y": 200}
    assert on_page("scroll", to="bottom")[0]["y"] > 4000
    assert on_page("scroll", to="top")[0] == {"x": 0, "y": 0}


def test_scrolls_to_an_element(on_page, site):
    site.show(LONG)
    assert on_page("scroll", target="#end")[0]["y"] > 4000


def test_a_missing_element_fails(failure_of, site):
    site.show(LONG)
    error = failure_of("scroll", target="#nope", timeout=0.2)
    assert error.code == "element_not_found"


@pytest.mark.parametrize("params", [{}, {"to": "top", "by": 1}, {"to": "left"}])
def test_takes_one_way_to_scroll(run_step, params):
    with pytest.raises(ValueError, match=r"one of|top"):
        run_step("scroll", params)
