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


def test_writes_several_sheets(write: Any, ctx: StepContext) -> None:
    sheets = [{"name": "A", "rows": [{"a": 1}]}, {"name": "B", "rows": [[2], [3]]}]
    assert write(sheets=sheets)["rows"] == 3
    book = load_workbook(io.BytesIO(ctx.files.read_bytes("out/a.xlsx")))
    assert [[list(r) for r in one.values] for one in book.worksheets] == [
        [["a"], [1]],
        [[2], [3]],
    ]


def test_makes_of_cells_what_types_say(write: Any, ctx: StepContext) -> None:
    row = {"d": "2026-01-02", "m": "2026-01-02T03:04:05Z", "n": "1.5", "t": 7, "e": ""}
    types = {"d": "date", "m": "datetime", "n": "number", "t": "text", "e": "date"}
    write(rows=[row], types=types)
    book = load_workbook(io.BytesIO(ctx.files.read_bytes("out/a.xlsx")))
    day, moment, *rest = book.active[2]
    assert (day.value.isoformat(), day.number_format) == (
        "2026-01-02T00:00:00",
        "yyyy-mm-dd",
    )
    assert moment.value.isoformat() == "2026-01-02T03:04:05"
    assert [cell.value for cell in rest] == [1.5, "7", None]


@pytest.mark.parametrize("path", ["out/a.xlsx", "out/a.csv"])
def test_names_the_cell_that_is_none_of_its_type(write: Any, path: str) -> None:
    with pytest.raises(PermanentFailure, match="'n' of row 1 is no number: 'x'"):
        write(path=path, rows=[{"n": 1}, {"n": "x"}], types={"n": "number"})


def test_a_type_of_a_column_that_is_not_there(write: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        write(rows=[{"day": 1}], types={"date": "date"})
    assert caught.value.code == "unknown_column"


def test_a_number_that_is_none_is_a_text(write: Any, ctx: StepContext) -> None:
    write(rows=[[float("nan"), float("inf")]])
    assert cells(ctx) == [["nan", "inf"]]


def test_writes_separated_text(write: Any, ctx: StepContext) -> None:
    rows = [{"a": 1.5, "b": 'x "y",\nz'}, {"a": None, "b": [True]}]
    output = write(path="out/a.csv", rows=rows)
    text = ctx.files.read_bytes("out/a.csv").decode()
    assert text == 'a,b\r\n1.5,"x ""y"",\nz"\r\n,[true]\r\n'
    assert (output["rows"], output["bytes"]) == (2, len(text))


@pytest.mark.parametrize(
    ("path", "params", "content"),
    [
        ("a.tsv", {}, b"a\tb\r\n1\t2\r\n"),
        ("a.txt", {"delimiter": ";"}, b"a;b\r\n1;2\r\n"),
        ("a.csv", {"encoding": "utf-8-sig"}, b"\xef\xbb\xbfa,b\r\n1,2\r\n"),
        ("a.csv", {"encoding": "utf-16"}, "\ufeffa,b\r\n1,2\r\n".encode("utf-16-le")),
    ],
)
def test_delimiters_and_encodings(
    write: Any, ctx: StepContext, path: str, params: Any, content: bytes
) -> None:
    write(path=path, rows=[{"a": 1, "b": 2}], **params)
    assert ctx.files.read_bytes(path) == content


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A1",
        "+cmd",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "\uff0b1+a",
        "\uff0dx",
        "\uff20x",
        "\u200b=1",
        " =1",
    ],
)
def test_separated_text_never_holds_formulas(
    write: Any, ctx: StepContext, text: str
) -> None:
    write(path="a.csv", rows=[[text]], columns=[text])
    found = ctx.files.read_bytes("a.csv").decode()
    assert found == f'"\'{text}"\r\n' * 2 or found == f"'{text}\r\n" * 2


@pytest.mark.parametrize("value", [-1, 1.5, "-1.5", "+49", "-1,5", "1e9", "a=1"])
def test_numbers_stay_numbers(write: Any, ctx: StepContext, value: Any) -> None:
    write(path="a.tsv", rows=[[value]])
    assert ctx.files.read_bytes("a.tsv").decode() == f"{value}\r\n"


@pytest.mark.parametrize(
    ("text", "encoding", "code"),
    [
        ("\u20ac", "latin-1", "bad_encoding"),
        ("\ud800", "utf-8", "bad_encoding"),
        ("a\0", "utf-8", "bad_characters"),
    ],
)
def test_separated_text_that_cannot_be_written(
    write: Any, text: str, encoding: str, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        write(path="a.csv", rows=[[text]], encoding=encoding)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "params",
    [
        {"path": "a.xlsx"},
        {"path": "a.xlsx", "rows": [], "sheets": [{"name": "a", "rows": []}]},
        {"path": "a.csv", "sheets": [{"name": "a", "rows": []}]},
        {"path": "a.xlsx", "sheets": []},
        {"path": "a.xlsx", "sheets": [{"name": n, "rows": []} for n in "Aa"]},
        {"path": "a.xlsx", "rows": [], "types": {"a": "money"}},
    ],
)
def test_refuses_params_that_make_no_sense(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("write_excel", params)
