import pytest

pytestmark = pytest.mark.browser

PAGE = "<p class=r>one</p><p class=r>two</p><p class=r hidden>three</p>"


@pytest.mark.parametrize(
    "params",
    [
        {"text": "one"},
        {"title": "/page"},
        {"url": "127.0.0.1*/page"},
        {"target": ".r"},
        {"target": ".r", "count": 2},
        {"target": ".nothing", "count": 0},
        {"target": ".r", "text": "two", "title": "Page"},
    ],
)
def test_passes_when_all_of_it_holds(on_page, site, params):
    url = site.show(PAGE)
    output, _ = on_page("assert_page", **params, timeout=1)
    assert output == {"url": url, "title": "Page /page"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"text": "four"}, "text `four` in the page, found `one two`"),
        ({"text": "x", "target": ".r"}, "text `x` in `.r`, found `one`"),
        ({"title": "Home"}, "title with `Home`, not `Page /page`"),
        ({"url": "/home"}, "address with `/home`, not `http://127.0.0.1"),
        ({"target": ".r", "count": 3}, "3 of `.r`, found 2"),
        ({"target": ".x"}, "`.x`, found none"),
    ],
)
def test_says_what_was_expected_and_found(failure_of, site, params, words):
    site.show(PAGE)
    error = failure_of("assert_page", **params, timeout=0.2)
    assert error.code == "assertion_failed"
    assert words in error.message


def test_waits_until_it_holds(on_page, site):
    site.show("<script>setTimeout(() => document.body.append('done'), 200)</script>")
    on_page("assert_page", text="done")


@pytest.mark.parametrize(
    "params", [{}, {"count": 1}, {"target": "a", "text": "b", "count": 1}]
)
def test_refuses_what_says_nothing(run_step, params):
    with pytest.raises(ValueError, match=r"at least one|count"):
        run_step("assert_page", params)
