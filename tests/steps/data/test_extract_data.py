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


ORDERS = """<div class=order><b>A-1</b><ul><li data-n=1>Pen <i>2</i>
<li data-n=2>Ink</ul><p><span>Ada</span></p></div><div class=order><b>A-2</b></div>"""
NESTED: dict[str, Any] = {
    "no": "b",
    "lines": {
        "target": "li",
        "many": True,
        "fields": {
            "n": {"attribute": "data-n", "type": "integer"},
            "pieces": {"target": "i", "type": "integer", "default": 1},
        },
    },
    "buyer": {"target": "p", "fields": {"name": "span"}},
}
READ = [
    {
        "no": "A-1",
        "lines": [{"n": 1, "pieces": 2}, {"n": 2, "pieces": 1}],
        "buyer": {"name": "Ada"},
    },
    {"no": "A-2", "lines": [], "buyer": None},
]


def test_fields_lie_in_fields(extract: Any) -> None:
    assert extract(ORDERS, target=".order", fields=NESTED, many=True) == READ


def test_names_the_inner_field_of_the_wrong_type(extract: Any) -> None:
    fields = {"p": {"target": "p", "fields": {"n": {"type": "number"}}}}
    with pytest.raises(PermanentFailure, match=r"'p\.n'"):
        extract("<p>none</p>", fields=fields)


TABLE = """<div><table id=t><thead><tr><th rowspan=2>Name<th colspan=2>Price
<tr><th>net<th>gross</thead>
<tbody><tr><td>Pen<td>1<td>2<tr><td rowspan=2>Ink<td colspan=2>free
<tr><td>7<td>8<td>more<tr><td><table><tr><td>inner</table></tbody></table></div>"""
ROWS = [
    {"Name": "Pen", "Price net": "1", "Price gross": "2", "column 4": None},
    {"Name": "Ink", "Price net": "free", "Price gross": "free", "column 4": None},
    {"Name": "Ink", "Price net": "7", "Price gross": "8", "column 4": "more"},
    {"Name": "inner", "Price net": None, "Price gross": None, "column 4": None},
]


@pytest.mark.parametrize("params", [{}, {"target": "#t"}, {"target": "div"}])
def test_reads_a_table_by_the_names_of_its_columns(
    extract: Any, params: dict[str, str]
) -> None:
    assert extract(TABLE, table=True, **params) == ROWS


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("<tr><td>1<td>2", [{"column 1": "1", "column 2": "2"}]),
        (
            "<tr><th>A<th>A<th><tr><td>1<td>2",
            [{"A": "1", "A 2": "2", "column 3": None}],
        ),
        ("<tr><th>A<tr><td> ", []),
        (
            "<tr><th>A<td>1<tr><th>B<td>2",
            [{"column 1": x[0], "column 2": x[1]} for x in ("A1", "B2")],
        ),
        ("<tr><td colspan=-1>1<td rowspan=x>2", [{"column 1": "1", "column 2": "2"}]),
    ],
)
def test_reads_tables_of_every_shape(
    extract: Any, table: str, rows: list[dict[str, Any]]
) -> None:
    assert extract(f"<table>{table}</table>", table=True) == rows


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("<p>x</p>", "element_not_found"),
        ("<table></table>", "no_table"),
        ("<table>" + "<tr><td colspan=1000 rowspan=1000>x" * 600, "too_much_data"),
    ],
)
def test_says_why_there_is_no_table(extract: Any, source: str, code: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        extract(source, table=True)
    assert caught.value.code == code


@pytest.mark.browser
def test_reads_tables_and_inner_fields_of_the_open_page(
    run_step: StepRunner, browser: BrowserSession, site: Site
) -> None:
    site.show(TABLE + ORDERS)
    for target in ({}, {"target": "div"}):
        assert (
            run_step("extract_data", {"table": True, **target}, browser=browser) == ROWS
        )
    params = {"target": ".order", "fields": NESTED, "many": True}
    assert run_step("extract_data", params, browser=browser) == READ
    inner = {"target": "tr", "fields": {"a": "//td"}, "many": True}
    rows = run_step("extract_data", inner, browser=browser)
    assert rows[2] == {"a": "Pen"}


# Pages of two rows, the first way by links, the second drawn anew a little later.
LINKS = "<p class=r>{0}</p><p class=r>{0}b</p>{1}"
DRAWN = """<div id=rows></div><button id=next>Next</button><script>
  let page = 0;
  const draw = () => {
    rows.innerHTML = `<p class=r>${++page}</p>`;
    setTimeout(() => { rows.innerHTML += `<p class=r>${page}b</p>` }, 30);
    next.disabled = page === 3;
  };
  next.onclick = () => setTimeout(draw, 60);
  draw();
</script>"""


@pytest.mark.browser
def test_goes_on_over_the_pages(
    run_step: StepRunner, step_ctx: ContextMaker, browser: BrowserSession, site: Site
) -> None:
    for n in (3, 2):
        link = f"<a id=next href=/p{n + 1}>Next</a>" if n < 3 else "<a id=next hidden>"
        site.add(f"/p{n}", LINKS.format(n, link))
    params = {"target": ".r", "fields": {"n": {}}, "many": True, "next": "#next"}
    expected = [{"n": text} for text in ("1", "1b", "2", "2b", "3", "3b")]
    for page in (LINKS.format(1, "<a id=next href=/p2>Next</a>"), DRAWN):
        site.show(page)
        browser.text("xpath=//p[.='1b']")
        ctx = step_ctx(browser=browser)
        assert run_step("extract_data", params, ctx) == expected
        assert ctx.warnings == []
    site.show(DRAWN)
    browser.text("xpath=//p[.='1b']")
    ctx = step_ctx(browser=browser)
    assert run_step("extract_data", {**params, "pages": 2}, ctx) == expected[:4]
    assert ctx.warnings == ["There were more than 2 pages; the rest was not read."]


@pytest.mark.browser
def test_a_next_page_that_never_comes_is_warned_of(
    run_step: StepRunner, step_ctx: ContextMaker, browser: BrowserSession, site: Site
) -> None:
    site.show("<table><tr><th>A<tr><td>1</table><button>Next</button>")
    ctx = step_ctx(browser=browser)
    params = {"table": True, "next": "button", "timeout": 0.3}
    assert run_step("extract_data", params, ctx) == [{"A": "1"}]
    assert ctx.warnings == ["`button` was clicked, but brought no other rows."]


def test_needs_the_browser_only_without_a_source() -> None:
    kind = find("extract_data")
    assert isinstance(kind, StepType)
    assert kind.uses_browser({"target": "tr", "fields": {}})
    assert not kind.uses_browser({"source": "{{ steps.a.output }}"})


DEEP: dict[str, Any] = {"target": "b"}
for _ in range(5):
    DEEP = {"fields": {"a": DEEP}}


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
        {"fields": {"a": "td"}, "table": True},
        {"table": True, "target": "table", "many": True},
        {"fields": {"a": {"fields": {"b": "td"}, "regex": "x"}}},
        {"fields": {"a": {"fields": {}}}},
        {"table": True, "next": "a"},
        {"fields": {"a": "td"}, "next": "a"},
        {"fields": {"a": DEEP}},
    ],
)
def test_refuses_params_that_make_no_sense(
    run_step: StepRunner, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        run_step("extract_data", {"source": PAGE, **params})
