import time
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.base import Effect, StepType
from apps.steps.browser.session import BrowserSession
from apps.steps.registry import find
from tests.fixtures_browser import Site
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.data.pages import PAGE


@pytest.fixture
def extract(run_step: StepRunner) -> Any:
    def run(source: str = PAGE, **params: Any) -> Any:
        return run_step("extract_text", {"source": source, **params})

    return run


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"target": "h1"}, "Invoices of May"),
        ({"target": "p"}, "One twothree four"),
        ({"target": "tr.overdue td:nth-child(3)"}, "open"),
        ({"target": "//tr[2]/td[1]"}, "A-2"),
        ({"target": "xpath=//tr[@data-id='3']/td/text()"}, "A-3"),
        ({"target": "a", "attribute": "href"}, "/a1"),
        ({"target": "h1", "attribute": "html"}, "Invoices <small>of\xa0May</small>"),
        ({"target": {"primary": "#none", "fallbacks": ["h1 small"]}}, "of May"),
        ({"selector": "small"}, "of May"),
        ({"target": "td.sum", "type": "number"}, 1234.5),
        ({"target": "td.no", "regex": "([A-Z])-"}, "A"),
        ({"target": "td", "many": True, "regex": r"A-\d"}, ["A-1", "A-2", "A-3"]),
        ({"target": "xpath=count(//tr)", "type": "integer"}, 3),
        ({"target": "#none", "default": "-"}, "-"),
        ({"target": "#none", "default": None}, None),
        ({"target": "#none", "many": True}, []),
    ],
)
def test_reads_html(extract: Any, params: dict[str, Any], text: Any) -> None:
    assert extract(**params) == text


def test_reads_the_whole_text_of_a_document(extract: Any) -> None:
    text = extract("<html><head><title>x</title></head><body><p>a</p><p>b</p>")
    assert text == "a b"


def test_finds_patterns_in_plain_text(extract: Any) -> None:
    text = "Order 17 of 3 May; order 18"
    assert extract(text, regex=r"(?i)order (\d+)") == "17"
    assert extract(text, regex=r"(?i)order (\d+)", many=True) == ["17", "18"]


ATOM = """<?xml version="1.0" encoding="iso-8859-1"?>
<feed xmlns="http://www.w3.org/2005/Atom"><entry id="1"><title>Köln <b>a</b></title>
</entry></feed>"""


@pytest.mark.parametrize(
    "params",
    [
        {"target": "entry > title"},
        {"target": "//entry[@id='1']/title"},
        {"target": "//a:title", "namespaces": {"a": "http://www.w3.org/2005/Atom"}},
    ],
)
def test_reads_xml_with_and_without_namespaces(
    extract: Any, params: dict[str, Any]
) -> None:
    assert extract(ATOM, **params) == "Köln a"


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x>&b;</x>"""


@pytest.mark.parametrize(
    ("source", "params", "code"),
    [
        (PAGE, {"target": "#gone"}, "element_not_found"),
        (PAGE, {"target": "h1", "regex": "xyz"}, "no_match"),
        (PAGE, {"target": "h1", "attribute": "href"}, "no_match"),
        (PAGE, {"target": "h1["}, "invalid_selector"),
        (PAGE, {"target": "h1::before"}, "invalid_selector"),
        (PAGE, {"target": "a " * 200}, "invalid_selector"),
        (PAGE, {"target": "xpath=//h1["}, "invalid_selector"),
        (PAGE, {"target": "xpath=document('/etc/passwd')"}, "invalid_selector"),
        (PAGE, {"target": "//x:h1"}, "invalid_selector"),
        (PAGE, {"target": "label=Name"}, "invalid_selector"),
        (PAGE, {"target": {"primary": "h1", "frame": "iframe"}}, "invalid_selector"),
        (PAGE, {"target": "h1", "type": "number"}, "wrong_type"),
        ("", {"target": "h1"}, "empty_source"),
        ("<a>", {"target": "a", "format": "xml"}, "not_xml"),
        (BOMB, {"target": "x", "format": "xml"}, "doctype_refused"),
        (f"<?xml version='1.0'?> <!-- --> {BOMB}", {"target": "x"}, "doctype_refused"),
        ("<b>" * 5000, {"target": "b"}, "too_deep"),
        ("<x>" * 5000, {"target": "x", "format": "xml"}, "not_xml"),
    ],
)
def test_names_what_is_wrong(
    extract: Any, source: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        extract(source, **params)
    assert caught.value.code == code


def test_names_the_selector_that_finds_nothing(extract: Any) -> None:
    with pytest.raises(PermanentFailure, match="#gone"):
        extract(target="#gone")


@pytest.mark.parametrize("selector", ["* * * * * * * *", "i ~ i ~ i", "div > i + i"])
def test_css_is_quick_in_a_hostile_document(extract: Any, selector: str) -> None:
    nested = "<div>" * 200 + "<i>x</i>" * 200 + "</div>" * 200
    assert len(extract(nested * 20, target=selector, many=True)) > 0


def test_a_hostile_xpath_is_ended(run_step: StepRunner, step_ctx: ContextMaker) -> None:
    source = ("<div>" * 200 + "<i>x</i>" * 200 + "</div>" * 200) * 20
    target = "xpath=//*[count(//*[count(//*) > 1]) > 1]"
    ctx = step_ctx(deadline=time.monotonic() + 2)
    with pytest.raises(PermanentFailure) as caught:
        run_step("extract_text", {"source": source, "target": target}, ctx)
    assert caught.value.code == "too_slow"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"target": "td.sum", "type": "number"}, 1234.5),
        ({"target": "td.no", "many": True, "regex": r"\d"}, ["1", "2", "3"]),
        ({"target": "td.no", "regex": "([A-Z])-"}, "A"),
        ({"target": "text=open", "attribute": "data-key"}, "k1"),
        ({"target": "#none", "timeout": 0, "default": "-"}, "-"),
        ({"target": "#none", "many": True}, []),
    ],
)
def test_reads_the_open_page_without_a_source(
    run_step: StepRunner,
    browser: BrowserSession,
    site: Site,
    params: dict[str, Any],
    text: Any,
) -> None:
    site.show(PAGE)
    assert run_step("extract_text", params, browser=browser) == text


@pytest.mark.browser
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"target": "#none", "timeout": 0}, "element_not_found"),
        ({"target": "h1", "regex": "xyz"}, "no_match"),
        ({"target": "h1["}, "invalid_selector"),
    ],
)
def test_names_what_is_wrong_on_the_open_page(
    run_step: StepRunner,
    browser: BrowserSession,
    site: Site,
    params: dict[str, Any],
    code: str,
) -> None:
    site.show(PAGE)
    with pytest.raises(PermanentFailure) as caught:
        run_step("extract_text", params, browser=browser)
    assert caught.value.code == code


def test_needs_the_browser_only_without_a_source() -> None:
    kind = find("extract_text")
    assert isinstance(kind, StepType)
    assert kind.uses_browser({"target": "h1"})
    assert not kind.uses_browser(
        {"target": "h1", "source": "{{ steps.a.output.text }}"}
    )
    params = kind.params_class.model_validate({"source": "x"})
    assert kind.effect_of(params) is Effect.NONE


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"target": ""},
        {"source": "x", "target": "h1", "format": "text"},
        {"source": "x", "regex": "("},
        {"source": "x", "regex": "a" * 513},
        {"source": "x", "type": "date"},
        {"target": "role=???"},
    ],
)
def test_refuses_params_that_make_no_sense(
    run_step: StepRunner, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        run_step("extract_text", params)
