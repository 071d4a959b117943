import io
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PageObject, PdfReader

from apps.core.errors import PermanentFailure, RpaError
from apps.steps.browser.session import BrowserSession
from apps.steps.context import StepContext
from apps.steps.documents.html_to_pdf import HtmlToPdf, HtmlToPdfParams
from tests.fixtures_browser import Site
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.http_server import Answer, Request

pytestmark = pytest.mark.browser


@pytest.fixture
def ctx(step_ctx: ContextMaker, browser: BrowserSession) -> StepContext:
    return step_ctx(browser=browser)


@pytest.fixture
def pages(run_step: StepRunner, ctx: StepContext) -> Any:
    """Prints with these params; gives the pages."""

    def run(**params: Any) -> list[PageObject]:
        output = run_step("html_to_pdf", {"path": "out/a.pdf"} | params, ctx)
        content = ctx.files.read_bytes("out/a.pdf")
        assert (output["path"], output["bytes"]) == ("out/a.pdf", len(content))
        return list(PdfReader(io.BytesIO(content)).pages)

    return run


def size_mm(page: PageObject) -> tuple[int, int]:
    points = page.mediabox.width, page.mediabox.height
    width, height = (round(float(one) / 72 * 25.4) for one in points)
    return width, height


def test_prints_html(pages: Any) -> None:
    (page,) = pages(html="<h1>Gr\u00fc\u00dfe</h1>")
    assert page.extract_text().strip() == "Gr\u00fc\u00dfe"
    assert size_mm(page) == (210, 297)


def test_prints_a_file(pages: Any, ctx: StepContext) -> None:
    ctx.files.write_bytes("in/a.html", b"<p>from a file</p>")
    assert "from a file" in pages(source="in/a.html")[0].extract_text()


def test_prints_an_address_and_leaves_the_open_page(
    pages: Any, site: Site, browser: BrowserSession
) -> None:
    here = site.show("<p>here</p>")
    there = site.add("/there", "<p>there</p>")
    assert "there" in pages(url=there)[0].extract_text()
    assert browser.state()["url"] == here
    assert "here" in pages()[0].extract_text()


def test_waits_for_pictures(pages: Any, site: Site) -> None:
    picture = site.server.url("/a.svg")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><text y="20">drawn</text></svg>'
    site.server.answers("/a.svg", 200, svg, {"Content-Type": "image/svg+xml"})
    (page,) = pages(html=f"<img src='{picture}'>")
    assert "drawn" in page.extract_text()


def test_paper_margins_headers_and_footers(pages: Any) -> None:
    number = "<p style='font-size:9px'>page <span class=pageNumber></span></p>"
    found = pages(
        html="<p>one</p><p style='break-before: page'>two</p>",
        paper="A5",
        landscape=True,
        margin_mm=20,
        page_footer=number,
    )
    assert [size_mm(page) for page in found] == [(210, 148)] * 2
    texts = [" ".join(page.extract_text().split()) for page in found]
    assert texts == ["one page 1", "two page 2"]


def test_scripts_do_not_run(pages: Any, browser: BrowserSession, site: Site) -> None:
    script = "<p id=a>before</p><script>a.textContent = 'after'</script>"
    assert "before" in pages(html=script)[0].extract_text()
    # Only there: pages that are opened later run theirs.
    site.show(script)
    assert browser.text("#a") == "after"


@pytest.mark.parametrize("tag", ["iframe", "embed", "img", "script"])
def test_html_reads_no_files_of_this_machine(
    pages: Any, tmp_path: Path, tag: str
) -> None:
    (tmp_path / "key.txt").write_text("stolen")
    html = f"<p>text</p><{tag} src='file://{tmp_path}/key.txt'></{tag}>"
    text = pages(html=html)[0].extract_text()
    assert "text" in text
    assert "stolen" not in text


def failure(run_step: StepRunner, ctx: StepContext, **params: Any) -> RpaError:
    with pytest.raises(RpaError) as caught:
        run_step("html_to_pdf", {"path": "out/a.pdf"} | params, ctx)
    return caught.value


def test_a_page_that_answers_with_an_error(
    run_step: StepRunner, ctx: StepContext, site: Site
) -> None:
    url = site.add("/gone", "<p>gone</p>", status=410)
    error = failure(run_step, ctx, url=url)
    assert (error.code, type(error)) == ("page_failed", PermanentFailure)
    assert not ctx.files.exists("out/a.pdf")


def test_a_picture_that_never_comes(
    run_step: StepRunner, ctx: StepContext, site: Site, browser: BrowserSession
) -> None:
    def slowly(_: Request) -> Answer:
        time.sleep(3)
        return Answer(404, b"")

    site.server.answers_with("/slow", slowly)
    html = f"<img src='{site.server.url('/slow')}'>"
    error = failure(run_step, ctx, html=html, timeout="500ms")
    assert error.code == "timeout"
    here = site.show("<p>still here</p>")
    assert browser.state()["url"] == here


@pytest.mark.parametrize(
    "params",
    [
        {"html": "a", "url": "https://example.com"},
        {"html": "a", "source": "a.html"},
        {"url": "file:///etc/passwd"},
        {"url": "javascript:alert(1)"},
        {"path": "a.txt"},
        {"paper": "B4"},
        {"scale": 5},
        {"margin_mm": -1},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("html_to_pdf", {"path": "a.pdf"} | params)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"url": "https://u:p@example.com/a?key=1"}, "https://example.com/a"),
        ({"html": "<p>"}, "HTML"),
        ({"source": "a.html"}, "a.html"),
        ({}, "the open page"),
    ],
)
def test_says_what_it_would_print(given: Any, what: str) -> None:
    params = HtmlToPdfParams.model_validate({"path": "a.pdf"} | given)
    assert HtmlToPdf().summary(params) == f"print {what} to a.pdf"
    assert HtmlToPdf().is_keyed(params)
