import io
from typing import Any

import pytest
from openpyxl import load_workbook
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from apps.steps.files.write_excel import WriteExcel, WriteExcelParams
from tests.fixtures_steps import ContextMaker, StepRunner


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def write(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(**params: Any) -> Any:
        return run_step("write_excel", {"path": "out/a.xlsx"} | params, ctx)

    return run


def cells(ctx: StepContext) -> list[list[Any]]:
    """What is in the file, formulas as such."""
    book = load_workbook(io.BytesIO(ctx.files.read_bytes("out/a.xlsx")))
    return [list(row) for row in book.active.iter_rows(values_only=True)]


def test_writes_mappings_by_column(write: Any, ctx: StepContext) -> None:
    output = write(rows=[{"a": 1, "b": "x"}, {"b": "y", "c": True}], sheet="Data")
    assert cells(ctx) == [["a", "b", "c"], [1, "x", None], [None, "y", True]]
    found = ctx.files.stat("out/a.xlsx")
    assert (output["path"], output["rows"]) == ("out/a.xlsx", 2)
    assert output["bytes"] == found["bytes"]


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        ({"rows": [{"a": 1, "b": 2}], "columns": ["b", "z"]}, [["b", "z"], [2, None]]),
        ({"rows": [[1, 2], [3]]}, [[1, 2], [3, None]]),
        ({"rows": [[1]], "columns": ["n"]}, [["n"], [1]]),
        ({"rows": [], "columns": ["n"]}, [["n"]]),
        (
            {"rows": [[[1], {"a": "ü"}, 1.5, 10**20]]},
            [["[1]", '{"a": "ü"}', 1.5, str(10**20)]],
        ),
    ],
)
def test_writes_what_it_is_given(
    write: Any, ctx: StepContext, params: Any, rows: Any
) -> None:
    write(**params)
    assert cells(ctx) == rows


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\uff1d1",
        "#REF!",
        "2026-01-01",
        "=1",
    ],
)
def test_texts_are_never_formulas(write: Any, ctx: StepContext, text: str) -> None:
    write(rows=[{text: text}])
    book = load_workbook(io.BytesIO(ctx.files.read_bytes("out/a.xlsx")))
    found = [cell for row in book.active.iter_rows() for cell in row]
    assert [(cell.value, cell.data_type) for cell in found] == [(text, "s")] * 2


def test_what_xml_cannot_hold_is_replaced(write: Any, ctx: StepContext) -> None:
    write(rows=[["a\0b\ud800c"]])
    assert cells(ctx) == [["a\ufffdb\ufffdc"]]


def test_reads_back_as_it_was(
    write: Any, ctx: StepContext, run_step: StepRunner
) -> None:
    rows = [{"name": "Ann", "n": 1}, {"name": "=1", "n": None}]
    write(rows=rows)
    assert run_step("read_excel", {"path": "out/a.xlsx"}, ctx)["rows"] == rows


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([["x" * 32_768]], "cell_too_long"),
        ([{"a": 1}, [1]], "bad_rows"),
        ([[1] * 16_385], "too_many_cells"),
        ([[1] * 16_000] * 126, "too_many_cells"),
    ],
)
def test_refuses_what_does_not_fit(write: Any, rows: Any, code: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        write(rows=rows)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "params",
    [
        {"path": "a.xls"},
        {"path": "../a.xlsx"},
        {"rows": "x"},
        {"rows": ["x"]},
        {"sheet": ""},
        {"sheet": "x" * 32},
        {"sheet": "a/b"},
        {"sheet": "'a"},
        {"columns": []},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("write_excel", {"path": "a.xlsx", "rows": []} | params)


def test_a_repeat_is_harmless() -> None:
    params = WriteExcelParams(path="a.xlsx", rows=[[1], [2]])
    assert WriteExcel().is_keyed(params)
    assert WriteExcel().summary(params) == "write 2 rows to a.xlsx"
