import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def link(site):
    """Shows a link that downloads a file."""

    def show(body=b"a,b\n1,2\n", name="orders.csv"):
        headers = {"Content-Disposition": f"attachment; filename={name}"}
        site.server.answers("/file", body=body, headers=headers)
        site.show("<a href=/file>Export</a>")

    return show


def test_keeps_the_file_in_the_workspace(on_page, site, link):
    link()
    output, ctx = on_page("download_by_click", target="text=Export", path="in/o.csv")
    facts = {"path": "in/o.csv", "bytes": 8, "name": "orders.csv"}
    assert output.items() >= {**facts, "url": site.server.url("/file")}.items()
    assert ctx.files.read_bytes("in/o.csv") == b"a,b\n1,2\n"


def test_takes_the_file_of_this_click(on_page, browser, link):
    link(b"old")
    before = len(browser.downloads.all)
    browser.find("text=Export").click()
    assert browser.poll(lambda: len(browser.downloads.all) > before or None, 5)
    assert browser.poll(lambda: not browser.downloads.is_under_way or None, 5)
    link(b"new")
    _, ctx = on_page("download_by_click", target="text=Export", path="x")
    assert ctx.files.read_bytes("x") == b"new"


def test_says_when_nothing_is_downloaded(failure_of, site):
    site.show("<button>Export</button>")
    error = failure_of("download_by_click", target="button", path="x", timeout=0.3)
    assert error.code == "no_download"


def test_a_file_that_is_too_large_is_not_kept(run_step, step_ctx, browser, link):
    link(b"x" * 2000)
    ctx = step_ctx(browser=browser)
    ctx.files.max_bytes = 1000
    with pytest.raises(Exception, match="1000") as caught:
        run_step("download_by_click", {"target": "text=Export", "path": "x"}, ctx)
    assert caught.value.code == "file_too_large"
    assert not ctx.files.exists("x")
