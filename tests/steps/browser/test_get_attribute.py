import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("body", "attribute", "expected"),
    [
        ("<p id=a data-key=7>x</p>", "data-key", "7"),
        ("<p id=a>x</p>", "data-key", None),
        ("<p id=a>x <b>y</b></p>", "text", "x y"),
        ("<p id=a>x <b>y</b></p>", "html", "x <b>y</b>"),
        ("<input id=a type=checkbox checked>", "checked", True),
        ("<input id=a value=v>", "value", "v"),
        ("<input id=a type=password value=hunter2>", "value", ""),
    ],
)
def test_reads_the_attribute(on_page, site, body, attribute, expected):
    site.show(body)
    output, _ = on_page("get_attribute", target="#a", attribute=attribute)
    assert output == {"value": expected}


def test_links_are_whole_addresses(on_page, site):
    site.show("<a href=/next>Next</a>")
    output, _ = on_page("get_attribute", target="text=Next", attribute="href")
    assert output == {"value": site.server.url("/next")}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("x", "element_not_found"),
        ("<p id=a></p><script>a.title = 'x'.repeat(2e6)</script>", "too_much_data"),
    ],
)
def test_says_what_cannot_be_read(failure_of, site, body, code):
    site.show(body)
    error = failure_of("get_attribute", target="#a", attribute="title", timeout=0.3)
    assert error.code == code
