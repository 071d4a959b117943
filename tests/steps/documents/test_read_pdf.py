from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.documents import pdfs


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def read(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes, **params: Any) -> Any:
        ctx.files.write_bytes("in/a.pdf", content)
        return run_step("read_pdf", {"path": "in/a.pdf"} | params, ctx)

    return run


def test_reads_text_page_by_page(read: Any) -> None:
    output = read(pdfs.document("Hello", "W\u00f6rld (2)"))
    assert output["text"] == "Hello\n\nW\u00f6rld (2)"
    assert output["pages"][1] == {"number": 2, "text": "W\u00f6rld (2)"}
    assert (output["page_count"], output["truncated"]) == (2, False)


def test_reads_metadata(read: Any) -> None:
    info = {"Title": "T\u00e4x", "Author": "Ann", "CreationDate": "D:20260102030405Z"}
    found = read(pdfs.document("x", info=info))["metadata"]
    assert (found["title"], found["author"], found["subject"]) == (
        "T\u00e4x",
        "Ann",
        None,
    )
    assert found["created"].startswith("2026-01-02T03:04:05")


def test_a_date_that_is_none_is_left_out(read: Any) -> None:
    content = pdfs.document("x", info={"CreationDate": "yesterday"})
    assert read(content)["metadata"]["created"] is None


def test_reads_tables(read: Any) -> None:
    rows = [["No", "Sum"], ["1", "12.50"], ["2", "7"]]
    page = read(pdfs.drawn(pdfs.table(rows)), tables=True)["pages"][0]
    assert page["tables"] == [rows]


def test_keeps_words_in_their_place(read: Any) -> None:
    content = pdfs.drawn(pdfs.table([["left", "right"]]))
    assert "left      " in read(content, text="layout")["text"]


def test_reads_form_fields(read: Any) -> None:
    fields = read(pdfs.form(), text="none")["fields"]
    assert fields == {
        "name": None,
        "code": None,
        "agreed": "Off",
        "colour": None,
        "sign": None,
    }


@pytest.mark.parametrize(
    ("pages", "numbers"), [("2", [2]), ("3, 1-2", [3, 1, 2]), ("2-", [2, 3])]
)
def test_reads_the_pages_asked_for(read: Any, pages: str, numbers: Any) -> None:
    output = read(pdfs.document("a", "b", "c"), pages=pages)
    assert [page["number"] for page in output["pages"]] == numbers


def test_leaves_pages_above_the_limit(read: Any, ctx: StepContext) -> None:
    output = read(pdfs.document("a", "b", "c"), max_pages=2)
    assert (output["text"], output["truncated"]) == ("a\n\nb", True)
    assert ctx.warnings == ["Only 2 of 3 pages were read."]


def test_opens_with_the_password(read: Any) -> None:
    content = pdfs.locked(pdfs.drawn(pdfs.table([["a", "b"]])), "open sesame")
    output = read(content, password="open sesame", tables=True)
    assert output["pages"][0]["tables"] == [[["a", "b"]]]


def test_a_password_for_changes_only_is_not_needed(read: Any) -> None:
    assert read(pdfs.locked(pdfs.document("x"), "", "owner"))["text"] == "x"


CIRCLE = pdfs.by_hand(
    b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"
)
DEEP = pdfs.by_hand(b"<</Type/Catalog/Pages 2 0 R>>", b"[" * 100_000)


@pytest.mark.parametrize(
    ("content", "params", "code"),
    [
        (b"", {}, "not_pdf"),
        (b"GIF89a", {}, "not_pdf"),
        (b"%PDF-1.7\n", {}, "not_pdf"),
        (b"%PDF-1.7\n" + bytes(5000), {}, "not_pdf"),
        (pdfs.document("x")[:300], {}, "not_pdf"),
        (pdfs.locked(pdfs.document("x"), "right"), {}, "encrypted"),
        (pdfs.locked(pdfs.document("x"), "a"), {"password": "b"}, "wrong_password"),
        (pdfs.document("x"), {"pages": "2"}, "page_not_found"),
        (pdfs.document("x"), {"pages": "2-"}, "page_not_found"),
        (pdfs.bomb(), {}, "too_large"),
        (pdfs.bomb(), {"tables": True, "text": "none"}, "too_large"),
        (pdfs.many_pages(30), {}, "too_large"),
        (CIRCLE, {}, "not_pdf"),
        (DEEP, {}, "not_pdf"),
    ],
)
def test_refuses_what_is_damaged_or_hostile(
    read: Any, content: bytes, params: Any, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(content, **params)
    assert caught.value.code == code


def test_its_error_does_not_tell_the_password(read: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(pdfs.locked(pdfs.document("x"), "a"), password="opensesame")
    assert "opensesame" not in f"{caught.value}{caught.value.details}"


@pytest.mark.parametrize(
    "params",
    [
        {"pages": ""},
        {"pages": "0"},
        {"pages": "3-2"},
        {"pages": "1,,2"},
        {"pages": "a"},
        {"pages": ",".join(["1"] * 201)},
        {"max_pages": 0},
        {"text": "html"},
        {"path": "../a.pdf"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("read_pdf", {"path": "a.pdf"} | params)
