import io
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from apps.steps.documents.merge_pdf import MergePdf, MergePdfParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.documents import pdfs


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    made = step_ctx()
    made.files.write_bytes("a.pdf", pdfs.document("a1", "a2", "a3"))
    made.files.write_bytes("b.pdf", pdfs.document("b1"))
    made.files.write_bytes("locked.pdf", pdfs.locked(pdfs.document("l1"), "right"))
    made.files.write_bytes("c.pdf", b"no pdf")
    made.files.write_bytes("many.pdf", pdfs.many_pages(30))
    return made


@pytest.fixture
def merge(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(*files: Any) -> Any:
        return run_step("merge_pdf", {"files": files, "path": "out.pdf"}, ctx)

    return run


def texts(ctx: StepContext) -> list[str]:
    reader = PdfReader(io.BytesIO(ctx.files.read_bytes("out.pdf")))
    return [page.extract_text() for page in reader.pages]


def test_puts_files_together(merge: Any, ctx: StepContext) -> None:
    output = merge("b.pdf", "a.pdf")
    assert texts(ctx) == ["b1", "a1", "a2", "a3"]
    size = ctx.files.stat("out.pdf")["bytes"]
    assert (output["pages"], output["bytes"]) == (4, size)


@pytest.mark.parametrize(
    ("pages", "found"), [("2", ["a2"]), ("3, 1-2", ["a3", "a1", "a2"])]
)
def test_takes_the_pages_asked_for(
    merge: Any, ctx: StepContext, pages: str, found: Any
) -> None:
    merge({"path": "a.pdf", "pages": pages})
    assert texts(ctx) == found


def test_opens_with_the_password(merge: Any, ctx: StepContext) -> None:
    merge("b.pdf", {"path": "locked.pdf", "password": "right"})
    assert texts(ctx) == ["b1", "l1"]


def test_may_replace_one_of_its_files(run_step: StepRunner, ctx: StepContext) -> None:
    output = run_step("merge_pdf", {"files": ["a.pdf", "b.pdf"], "path": "a.pdf"}, ctx)
    assert output["pages"] == 4


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("c.pdf", "not_pdf"),
        ("locked.pdf", "encrypted"),
        ({"path": "locked.pdf", "password": "wrong"}, "wrong_password"),
        ({"path": "a.pdf", "pages": "4"}, "page_not_found"),
        ("many.pdf", "too_large"),
    ],
)
def test_names_the_file_that_cannot_be_used(
    merge: Any, ctx: StepContext, file: Any, code: str
) -> None:
    path = file if isinstance(file, str) else file["path"]
    with pytest.raises(PermanentFailure, match=f"^{path}: ") as caught:
        merge("b.pdf", file)
    assert caught.value.code == code
    assert not ctx.files.exists("out.pdf")


def test_refuses_too_many_pages(merge: Any, ctx: StepContext) -> None:
    ctx.files.write_bytes("long.pdf", pdfs.many_pages(9))
    with pytest.raises(PermanentFailure) as caught:
        merge(*["long.pdf"] * 10)
    assert caught.value.code == "too_many_pages"


def test_a_result_that_is_too_large(
    merge: Any, ctx: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx.files.write_bytes("long.pdf", pdfs.many_pages(9))
    monkeypatch.setattr(ctx.files, "max_bytes", 10_000)
    with pytest.raises(PermanentFailure) as caught:
        merge("long.pdf")
    assert caught.value.code == "too_large"


def test_a_file_that_is_not_there(merge: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        merge("b.pdf", "d.pdf")
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    "params",
    [
        {"files": []},
        {"files": ["a.pdf"] * 101},
        {"files": [1]},
        {"files": [{"path": "a.pdf", "pages": "x"}]},
        {"path": "out.txt"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("merge_pdf", {"files": ["a.pdf"], "path": "out.pdf"} | params)


def test_a_repeat_is_harmless() -> None:
    given = {"files": ["a.pdf"], "path": "out.pdf"}
    params = MergePdfParams.model_validate(given)
    assert MergePdf().is_keyed(params)
    assert MergePdf().summary(params) == "put pages of 1 files into out.pdf"
