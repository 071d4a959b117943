from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.base import StepType
from apps.steps.browser.session import BrowserSession
from apps.steps.registry import find
from tests.fixtures_browser import Site
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.data.pages import PAGE

FIELDS = {
    "no": "td.no",
    "sum": {"target": "td.sum", "type": "number"},
    "link": {"target": "a", "attribute": "href", "default": "-"},
    "id": {"attribute": "data-id", "type": "integer"},
}


@pytest.fixture
def extract(run_step: StepRunner) -> Any:
    def run(source: str = PAGE, **params: Any) -> Any:
        return run_step("extract_data", {"source": source, **params})

    return run


def test_reads_a_row_for_each_element(extract: Any) -> None:
    assert extract(target="tr.overdue", fields=FIELDS, many=True) == [
        {"no": "A-1", "sum": 1234.5, "link": "/a1", "id": 1},
        {"no": "A-2", "sum": 99, "link": "-", "id": 2},
    ]


def test_reads_one_element_alone(extract: Any) -> None:
    assert extract(target="table tr", fields={"no": "td.no"}) == {"no": "A-1"}


def test_reads_the_whole_document(extract: Any) -> None:
    fields = {"title": "title", "all": {"target": "td.no", "many": True}}
    assert extract(fields=fields) == {
        "title": "Invoices",
        "all": ["A-1", "A-2", "A-3"],
    }


def test_xpath_in_a_row_stays_in_it(extract: Any) -> None:
    fields = {"a": "//td[1]", "b": "xpath=./td[2]", "n": "xpath=count(td)"}
    rows = extract(target="//tr", fields=fields, many=True)
    assert [row["a"] for row in rows] == ["A-1", "A-2", "A-3"]
    assert rows[1] == {"a": "A-2", "b": "99", "n": 3}


def test_css_in_a_row_may_name_what_is_around_it(extract: Any) -> None:
    fields = {"no": "table tr.overdue > td.no"}
    rows = extract(target="tr", fields=fields, many=True)
    assert [row["no"] for row in rows] == ["A-1", "A-2", None]


def test_no_row_is_an_empty_list_or_an_error(extract: Any) -> None:
    assert extract(target="#gone", fields=FIELDS, many=True) == []
    with pytest.raises(PermanentFailure, match="#gone") as caught:
        extract(target="#gone", fields=FIELDS)
    assert caught.value.code == "element_not_found"


def test_warns_of_a_field_that_no_row_has(
    run_step: StepRunner, step_ctx: ContextMaker
) -> None:
    ctx = step_ctx()
    params = {"source": PAGE, "target": "tr", "fields": {"x": ".gone"}, "many": True}
    assert run_step("extract_data", params, ctx) == [{"x": None}] * 3
    assert ctx.warnings == ["no row has 'x': nothing fits `.gone`"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.50 €", 1234.5),
        ("1.234,50", 1234.5),
        ("1,234", 1234),
        ("1,5", 1.5),
        ("1.500", 1.5),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("\N{MINUS SIGN}3 %", -3),
        ("$ 12", 12),
        ("-0.5", -0.5),
    ],
)
def test_reads_numbers_as_people_write_them(
    extract: Any, text: str, number: float
) -> None:
    fields = {"n": {"target": "b", "type": "number"}}
    assert extract(f"<b>{text}</b>", fields=fields) == {"n": number}


@pytest.mark.parametrize(
    ("text", "type_"),
    [("none", "number"), ("1.5", "integer"), ("1-2-3", "number"), ("maybe", "boolean")],
)
def test_names_the_field_of_the_wrong_type(extract: Any, text: str, type_: str) -> None:
    fields = {"total": {"target": "b", "type": type_}}
    with pytest.raises(PermanentFailure, match=f"'total'.*{text}") as caught:
        extract(f"<b>{text}</b>", fields=fields)
    assert caught.value.code == "wrong_type"


def test_reads_xml(extract: Any) -> None:
    xml = '<?xml version="1.0"?><o><i sku="x">1</i><i sku="y">2</i></o>'
    fields = {"sku": {"attribute": "sku"}, "n": {"type": "integer"}}
    assert extract(xml, target="i", fields=fields, many=True) == [
        {"sku": "x", "n": 1},
        {"sku": "y", "n": 2},
    ]


def test_a_large_source_is_read_in_bounds(extract: Any) -> None:
    page = "<p class=a>x</p>" * 20_000
    rows = extract(page, target="p.a", fields={"t": {}}, many=True)
    assert len(rows) == 20_000


def test_a_pattern_cannot_hang(extract: Any) -> None:
    fields = {"t": {"target": "b", "regex": "(a+)+$", "default": "none"}}
    assert extract(f"<b>{'a' * 50_000}!</b>", fields=fields) == {"t": "none"}


@pytest.mark.browser
def test_reads_the_open_page_without_a_source(
    run_step: StepRunner, browser: BrowserSession, site: Site
) -> None:
    site.show(PAGE)
    fields = FIELDS | {"link": {"target": "a", "attribute": "data-key", "default": "-"}}
    params = {"target": "tr.overdue", "fields": fields, "many": True}
    assert run_step("extract_data", params, browser=browser) == [
        {"no": "A-1", "sum": 1234.5, "link": "k1", "id": 1},
        {"no": "A-2", "sum": 99, "link": "-", "id": 2},
    ]


@pytest.mark.browser
def test_reads_one_element_or_the_whole_open_page(
    run_step: StepRunner, browser: BrowserSession, site: Site
) -> None:
    site.show(PAGE)
    fields = {"all": {"target": "td.no", "many": True, "regex": r"\d"}}
    whole = run_step("extract_data", {"fields": fields}, browser=browser)
    one = {"target": "table", "fields": fields}
    assert run_step("extract_data", one, browser=browser) == whole
    assert whole == {"all": ["1", "2", "3"]}


@pytest.mark.browser
def test_names_the_target_that_the_open_page_lacks(
    run_step: StepRunner, browser: BrowserSession, site: Site
) -> None:
    site.show(PAGE)
    params = {"target": "#gone", "fields": {"a": "td"}, "timeout": 0}
    with pytest.raises(PermanentFailure, match="#gone") as caught:
        run_step("extract_data", params, browser=browser)
    assert caught.value.code == "element_not_found"
    assert caught.value.details["screenshot"]


def test_needs_the_browser_only_without_a_source() -> None:
    kind = find("extract_data")
    assert isinstance(kind, StepType)
    assert kind.uses_browser({"target": "tr", "fields": {}})
    assert not kind.uses_browser({"source": "{{ steps.a.output }}"})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"fields": {}},
        {"fields": {"": "td"}},
        {"fields": {"a": {"css": "td"}}},
        {"fields": {"a": {"regex": "("}}},
        {"fields": {"a": "td"}, "many": True},
        {"fields": {"a": "td"}, "format": "text"},
        {"fields": {"a": ["td"]}},
    ],
)
def test_refuses_params_that_make_no_sense(
    run_step: StepRunner, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        run_step("extract_data", {"source": PAGE, **params})
