import io
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from apps.steps.documents.fill_pdf_form import FillPdfForm, FillPdfFormParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.documents import pdfs


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def fill(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(fields: Any, content: bytes | None = None, **params: Any) -> Any:
        ctx.files.write_bytes("in/form.pdf", content or pdfs.form())
        given = {"form": "in/form.pdf", "path": "out/a.pdf", "fields": fields}
        return run_step("fill_pdf_form", given | params, ctx)

    return run


@pytest.fixture
def values(run_step: StepRunner, ctx: StepContext) -> Any:
    return lambda: run_step("read_pdf", {"path": "out/a.pdf"}, ctx)["fields"]


def test_fills_fields_of_all_kinds(fill: Any, values: Any) -> None:
    fields = {"name": "Zo\u00eb \u0141", "code": 42, "agreed": True, "colour": "green"}
    assert fill(fields)["filled"] == 4
    assert values() == {
        "name": "Zo\u00eb \u0141",
        "code": "42",
        "agreed": "Yes",
        "colour": "green",
        "sign": None,
    }


@pytest.mark.parametrize(
    ("given", "found"),
    [("Yes", "Yes"), ("/Yes", "Yes"), (False, "Off"), (None, "Off"), ("Off", "Off")],
)
def test_boxes_by_name_and_by_yes_and_no(
    fill: Any, values: Any, given: Any, found: str
) -> None:
    fill({"agreed": given})
    assert values()["agreed"] == found


def test_filling_again_changes_only_what_is_named(
    fill: Any, values: Any, ctx: StepContext
) -> None:
    fill({"name": "Ann", "code": "1"})
    fill({"code": "2"}, ctx.files.read_bytes("out/a.pdf"))
    assert (values()["name"], values()["code"]) == ("Ann", "2")


def test_flattened_values_are_part_of_the_page(fill: Any, ctx: StepContext) -> None:
    fill({"name": "Ann"})
    fill({"code": "xyz"}, ctx.files.read_bytes("out/a.pdf"), flatten=True)
    reader = PdfReader(io.BytesIO(ctx.files.read_bytes("out/a.pdf")))
    text = reader.pages[0].extract_text()
    assert "Ann" in text
    assert "xyz" in text
    assert not reader.get_fields()


def test_says_which_letters_may_be_missing(fill: Any, ctx: StepContext) -> None:
    fill({"name": "\u0141\u00f3d\u017a"}, flatten=True)
    assert "'name' may lack letters" in ctx.warnings[0]


def test_opens_with_the_password(fill: Any, values: Any) -> None:
    fill({"name": "Ann"}, pdfs.locked(pdfs.form(), "right"), password="right")
    assert values()["name"] == "Ann"


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"nmae": "x"}, "Did you mean 'name'", "unknown_field"),
        ({"code": "12345"}, "no longer than 4", "bad_value"),
        ({"name": ["a"]}, "takes a text", "bad_value"),
        ({"agreed": "Maybe"}, "one of true, false, Yes", "bad_value"),
        ({"colour": "blue"}, "one of red, green", "bad_value"),
        ({"colour": ["red", "green"]}, "one choice only", "bad_value"),
        ({"sign": "x"}, "cannot be filled", "bad_value"),
    ],
)
def test_refuses_values_that_do_not_fit(
    fill: Any, ctx: StepContext, fields: Any, message: str, code: str
) -> None:
    with pytest.raises(PermanentFailure, match=message) as caught:
        fill(fields)
    assert caught.value.code == code
    assert not ctx.files.exists("out/a.pdf")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no pdf", "not_pdf"),
        (pdfs.document("no form"), "no_form"),
        (pdfs.locked(pdfs.form(), "right"), "encrypted"),
        (pdfs.form()[:400], "not_pdf"),
    ],
)
def test_refuses_what_is_no_form(fill: Any, content: bytes, code: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        fill({"name": "x"}, content)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "params", [{"path": "a.txt"}, {"fields": []}, {"form": "../a.pdf"}]
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    given = {"form": "a.pdf", "path": "b.pdf", "fields": {}}
    with pytest.raises(ValidationError):
        run_step("fill_pdf_form", given | params)


def test_a_repeat_is_harmless() -> None:
    params = FillPdfFormParams(form="a.pdf", path="b.pdf", fields={"a": 1})
    assert FillPdfForm().is_keyed(params)
    assert FillPdfForm().summary(params) == "fill 1 fields of a.pdf into b.pdf"
