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


GROWS = """<script>
  let left = %s;
  const add = () => { document.body.append(document.createElement('section')) };
  onscroll = () => { if (left-- > 0) setTimeout(add, 100) };
</script><style>section {height: 2000px}</style><section></section>"""


def test_scrolls_until_there_is_no_more(on_page, browser, site):
    site.show(GROWS % 3)
    output, ctx = on_page("scroll", to="end")
    assert output["y"] > 6000
    assert len(browser.find_all("section")) == 4
    assert ctx.warnings == []


def test_a_page_without_end_is_left_when_the_time_is_over(on_page, site):
    site.show(GROWS % 1000)
    _, ctx = on_page("scroll", to="end", timeout=0.5)
    assert "still had more" in ctx.warnings[0]


def test_a_page_without_end_is_left_when_it_was_scrolled_often_enough(on_page, site):
    site.show(GROWS % 1000)
    output, ctx = on_page("scroll", to="end", limit=2)
    assert output["y"] < 4000
    assert "scrolled 2 times" in ctx.warnings[0]


LIST = """<ul id=l style='height:100px;width:80px;overflow:auto'><li id=a>a
<div style='width:500px'>wide</div><div style='height:900px'>long</div></ul>"""


def test_scrolls_inside_of_an_element(on_page, browser, site):
    site.show(LIST + LONG)
    at, _ = on_page("scroll", by={"x": 30, "y": 40}, within="#a")
    assert at == {"x": 30, "y": 40}
    assert on_page("scroll", to="bottom", within="#l")[0]["y"] > 700
    assert on_page("scroll", to="end", within="#l", timeout=0.3)[0]["y"] > 700
    assert on_page("scroll", by=0)[0] == {"x": 0, "y": 0}


@pytest.mark.parametrize(
    "params",
    [
        *({}, {"to": "top", "by": 1}, {"to": "left"}),
        *({"target": "a", "within": "b"}, {"to": "top", "limit": 3}),
    ],
)
def test_takes_one_way_to_scroll(run_step, params):
    with pytest.raises(ValueError, match=r"one of|top|within|limit"):
        run_step("scroll", params)
