import pytest

pytestmark = pytest.mark.browser

MENU = """<style>#menu {display: none} #top:hover + #menu, #menu:hover {display: block}
</style>%s<p id=top>Reports</p><p id=menu onclick="this.textContent = 'done'">Year</p>
"""


def test_opens_what_opens_under_the_mouse(on_page, browser, site):
    site.show(MENU % "")
    on_page("hover", target="text=Reports")
    on_page("click", target="text=Year")
    assert browser.text("#menu") == "done"


def test_scrolls_to_what_is_far_away(on_page, browser, site):
    site.show(MENU % "<div style='height:3000px'></div>")
    on_page("hover", target="#top")
    assert browser.text("#menu:hover, #top:hover") == "Reports"


def test_a_hidden_element_is_not_hovered(failure_of, site):
    site.show("<p id=a hidden>x</p>")
    error = failure_of("hover", target="#a", timeout=0.3)
    assert error.code == "element_not_ready"
