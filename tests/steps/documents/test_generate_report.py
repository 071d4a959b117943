import io
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from apps.core.errors import PermanentFailure
from apps.steps.browser.session import BrowserSession
from apps.steps.context import StepContext
from apps.steps.documents.generate_report import GenerateReport, GenerateReportParams
from tests.fixtures_steps import ContextMaker, StepRunner

ROWS = [{"name": "Ann <b>", "sum": 1234.5}, {"name": "Bob", "sum": None}]
HOSTILE = "\"'><script>alert(1)</script>"


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def report(run_step: StepRunner, ctx: StepContext) -> Any:
    """Makes a report in HTML with the template; gives it."""

    def run(template: str | None = None, /, **params: Any) -> str:
        base: dict[str, Any] = {"path": "out/a.html", "data": {}}
        if template is not None:
            ctx.files.write_bytes("t.html", template.encode())
            base["template"] = "t.html"
        output = run_step("generate_report", base | params, ctx)
        content = ctx.files.read_bytes("out/a.html")
        assert output["bytes"] == len(content)
        return content.decode()

    return run


def test_fills_a_template(report: Any) -> None:
    template = "{{ title }}: {% for o in orders %}{{ o.name }} {% endfor %}{{ data.n }}"
    html = report(template, title="May", data={"orders": ROWS, "n": 7})
    assert html == "May: Ann &lt;b&gt; Bob 7"


def test_shows_data_without_a_template(report: Any) -> None:
    data = {"Orders": ROWS, "Facts": {"a": "b"}, "Words": ["x"], "Note": "<i>"}
    html = report(data=data, title="<May>")
    assert "<title>&lt;May&gt;</title>" in html
    assert "<th>name</th><th>sum</th>" in html
    assert '<td>Ann &lt;b&gt;</td><td class="number">1234.5</td>' in html
    assert "<tr><th>a</th><td>b</td></tr>" in html
    assert "<li>x</li>" in html
    assert "<p>&lt;i&gt;</p>" in html


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("number", "1,234.50"),
        ("number(0)", "1,234"),
        ("number(2, '.', ',')", "1.234,50"),
    ],
)
def test_writes_numbers_as_people_do(report: Any, call: str, text: str) -> None:
    assert report(f"{{{{ x | {call} }}}}", data={"x": 1234.5}) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ x }}",
        '<p title="{{ x }}">',
        "<p title='{{ x }}'>",
        "{{ [x] | join('<br>') }}",
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x) }}",
        "{{ '%s' | format(x) }}",
        "{{ '{}'.format(x) }}",
        "{{ x | replace('a', 'b') }}",
        "{{ x ~ x }}",
        "{{ {'a': x} }}",
    ],
)
def test_values_are_always_escaped(report: Any, template: str) -> None:
    html = report(template, data={"x": HOSTILE})
    assert "<script" not in html
    assert HOSTILE[:2] not in html


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{ x | safe }}", "invalid_template"),
        ("{{ x | tojson }}", "invalid_template"),
        ("{{ x | urlize }}", "invalid_template"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", "template_refused"),
        ("{% include 't.html' %}", "template_refused"),
        ("{% import 't.html' as t %}", "template_refused"),
        ("{% extends 't.html' %}", "template_refused"),
        ("{{ x.__class__.__mro__ }}", "template_refused"),
        ("{{ ''['__class__'] }}", "template_refused"),
        ("{{ cycler.__init__.__globals__ }}", "template_refused"),
        ("{{ x.append(1) }}", "unknown_name"),
        ("{{ self.__init__ }}", "template_refused"),
        ("{{ range(10**9) | list }}", "template_failed"),
        ("{{ lipsum() }}", "unknown_name"),
        ("{{ nothing }}", "unknown_name"),
        ("{{ data.nothing }}", "unknown_name"),
        ("{{ 1 / 0 }}", "template_failed"),
        ("{{ x + 1 }}", "template_failed"),
        ("{{ 'a' | number }}", "template_failed"),
        ("{% for %}", "invalid_template"),
        ("{{ ", "invalid_template"),
        ("{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}", "html_too_large"),
        ("{{ 'x' * 10**10 }}", "too_much_memory"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "too_deep"),
    ],
)
def test_refuses_what_templates_may_not(report: Any, template: str, code: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        report(template, data={"x": "text"})
    assert caught.value.code == code


def test_a_template_without_end_is_ended(
    report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.steps.documents.generate_report._SECONDS", 1.0)
    loops = "".join(f"{{% for a{n} in range(99999) %}}" for n in range(4))
    with pytest.raises(PermanentFailure) as caught:
        report(loops + "{% endfor %}" * 4)
    assert caught.value.code == "too_slow"


def test_names_the_line_of_a_mistake(report: Any) -> None:
    with pytest.raises(PermanentFailure, match="Line 2 of the template"):
        report("<p>\n{% if %}")


def test_a_template_that_is_not_there(run_step: StepRunner, ctx: StepContext) -> None:
    given = {"path": "a.html", "data": {}, "template": "no.html"}
    with pytest.raises(PermanentFailure) as caught:
        run_step("generate_report", given, ctx)
    assert caught.value.code == "file_not_found"


@pytest.mark.browser
def test_prints_a_report(
    run_step: StepRunner, step_ctx: ContextMaker, browser: BrowserSession
) -> None:
    ctx = step_ctx(browser=browser)
    rows = [{"name": f"Row {number}"} for number in range(100)]
    given = {"path": "out/a.pdf", "data": {"Rows": rows}, "title": "All rows"}
    run_step("generate_report", given, ctx)
    reader = PdfReader(io.BytesIO(ctx.files.read_bytes("out/a.pdf")))
    assert reader.metadata is not None
    assert reader.metadata.title == "All rows"
    assert len(reader.pages) > 1
    assert "Row 99" in reader.pages[-1].extract_text()


@pytest.mark.parametrize(
    "params",
    [
        {"path": "a.docx"},
        {"data": []},
        {"template": "../t.html"},
        {"title": "x" * 501},
        {"margin_mm": 500},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("generate_report", {"path": "a.pdf", "data": {}} | params)


@pytest.mark.parametrize(
    ("path", "uses"), [("a.pdf", True), ("a.html", False), ("{{ x }}", True)]
)
def test_only_pdf_needs_the_browser(path: str, uses: bool) -> None:
    assert GenerateReport().uses_browser({"path": path}) is uses


def test_a_repeat_is_harmless() -> None:
    params = GenerateReportParams(path="a.pdf", data={}, title="May")
    assert GenerateReport().is_keyed(params)
    assert GenerateReport().summary(params) == "make the report 'May' as a.pdf"
