import io
import zipfile
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table
from pydantic import ValidationError

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.base import OnCrash
from apps.steps.context import StepContext
from apps.steps.files.append_excel import AppendExcel, AppendExcelParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.files.workbooks import by_hand, workbook, zipped

PATH = "out/a.xlsx"


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def append(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes | None, rows: Any, path: str = PATH, **params: Any) -> Any:
        if content is not None:
            ctx.files.write_bytes(path, content)
        return run_step("append_excel", {"path": path, "rows": rows} | params, ctx)

    return run


def book(ctx: StepContext) -> Any:
    return load_workbook(io.BytesIO(ctx.files.read_bytes(PATH)))


def cells(ctx: StepContext) -> list[list[Any]]:
    return [list(row) for row in book(ctx).worksheets[0].values]


def saved(made: Workbook) -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def test_adds_rows_by_column(append: Any, ctx: StepContext) -> None:
    output = append(workbook(["a", "b"], [1, "x"]), [{"b": "y"}, {"a": 2.5, "b": True}])
    assert cells(ctx) == [["a", "b"], [1, "x"], [None, "y"], [2.5, True]]
    assert (output["rows"], output["path"]) == (2, PATH)


def test_adds_lists_of_cells_to_a_sheet_by_name(append: Any, ctx: StepContext) -> None:
    append(workbook(["a"], Two=[["b"], [1]]), [[2, "=1+1"]], sheet="Two")
    assert [list(row) for row in book(ctx)["Two"].values][-1] == [2, "=1+1"]
    assert cells(ctx) == [["a"]]


def test_a_step_of_its_own_reads_it_back(
    append: Any, run_step: StepRunner, ctx: StepContext
) -> None:
    append(workbook(["a"], [1]), [{"a": " <&> \n\u00fc"}])
    rows = run_step("read_excel", {"path": PATH}, ctx)["rows"]
    assert rows == [{"a": 1}, {"a": " <&> \n\u00fc"}]


@pytest.mark.parametrize("content", [workbook(), None, by_hand("")])
def test_an_empty_sheet_gets_a_header_first(
    append: Any, ctx: StepContext, content: bytes | None
) -> None:
    append(content, [{"a": 1, "b": 2}], columns=["b", "a"])
    assert cells(ctx) == [["b", "a"], [2, 1]]


def test_without_a_header_columns_are_letters(append: Any, ctx: StepContext) -> None:
    append(workbook([1, 2]), [{"B": 3}], header=False)
    assert cells(ctx) == [[1, 2], [None, 3]]


def test_new_rows_look_as_the_last_one(append: Any, ctx: StepContext) -> None:
    made = Workbook()
    made.active.append(["day", "sum"])
    made.active.append([datetime(2026, 1, 1), 1.5])  # noqa: DTZ001 - as Excel has it
    made.active["A2"].number_format = "dd.mm.yyyy"
    made.active["B2"].font = Font(bold=True)
    append(saved(made), [{"day": "2026-03-01", "sum": 2}])
    day, total = book(ctx).active[3]
    assert (day.value, day.number_format) == (datetime(2026, 3, 1), "dd.mm.yyyy")  # noqa: DTZ001
    assert (total.value, total.font.bold) == (2, True)


def test_prepared_rows_keep_their_looks(append: Any, ctx: StepContext) -> None:
    made = Workbook()
    made.active.append(["a"])
    for row in (2, 3, 4):
        made.active.cell(row, 1).font = Font(size=row * 10)
    append(saved(made), [[1], [2]])
    sheet = book(ctx).active
    assert [c.value for c in sheet["A"]] == ["a", 1, 2, None]
    assert [c.font.size for c in sheet["A"]][1:] == [20, 30, 40]


def test_nothing_else_of_the_workbook_is_touched(append: Any, ctx: StepContext) -> None:
    made = Workbook()
    for row in (["a"], [1], [2]):
        made.active.append(row)
    chart = BarChart()
    chart.add_data(Reference(made.active, min_col=1, min_row=1, max_row=3))
    made.active.add_chart(chart)
    content = saved(made)
    append(content, [[3]])
    before = zipfile.ZipFile(io.BytesIO(content))
    after = zipfile.ZipFile(io.BytesIO(ctx.files.read_bytes(PATH)))
    assert before.namelist() == after.namelist()
    changed = [n for n in before.namelist() if before.read(n) != after.read(n)]
    assert changed == ["xl/worksheets/sheet1.xml"]


def test_a_table_grows(append: Any, ctx: StepContext) -> None:
    made = Workbook()
    for row in (["a", "b"], [1, 2]):
        made.active.append(row)
    made.active.add_table(Table(displayName="T", ref="A1:B2"))
    append(saved(made), [[3, 4], [5, 6]])
    table = book(ctx).active.tables["T"]
    assert (table.ref, table.autoFilter.ref) == ("A1:B4", "A1:B4")


def test_programs_are_told_to_calculate_again(append: Any, ctx: StepContext) -> None:
    content = by_hand('<row r="1"><c r="A1"><v>1</v></c></row>')
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    book = parts["xl/workbook.xml"].replace(b"</sheets>", b"</sheets><calcPr/>")
    append(zipped(parts | {"xl/workbook.xml": book}), [[2]], header=False)
    with zipfile.ZipFile(io.BytesIO(ctx.files.read_bytes(PATH))) as archive:
        changed = archive.read("xl/workbook.xml")
    assert b'<calcPr fullCalcOnLoad="1"/>' in changed


def test_sheets_with_other_names_in_their_xml(append: Any, ctx: StepContext) -> None:
    content = by_hand('<row r="3"><c r="A3"><v>1</v></c></row>')
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/s.xml"].decode().replace("xmlns=", "xmlns:x=")
    for tag in ("worksheet", "sheetData", "row", "c", "v"):
        sheet = sheet.replace(f"<{tag}", f"<x:{tag}").replace(f"</{tag}", f"</x:{tag}")
    append(zipped(parts | {"xl/s.xml": sheet}), [["é"]], header=False)
    assert cells(ctx) == [[None], [None], [1], ["é"]]


def test_a_false_size_does_not_stay(append: Any, ctx: StepContext) -> None:
    cell = '<row r="1"><c r="A1"><v>1</v></c></row>'
    append(by_hand(cell, attributes='<dimension ref="A1:XFD99"/>'), [[2]])
    sheet = zipfile.ZipFile(io.BytesIO(ctx.files.read_bytes(PATH))).read("xl/s.xml")
    assert b"dimension" not in sheet
    assert cells(ctx) == [[1], [2]]


def test_long_sheets_take_little_memory(append: Any, ctx: StepContext) -> None:
    count = 200_000
    rows = "".join(f'<row r="{n}"><c><v>{n}</v></c></row>' for n in range(1, count))
    append(by_hand(rows), [["last"]])
    sheet = zipfile.ZipFile(io.BytesIO(ctx.files.read_bytes(PATH))).read("xl/s.xml")
    assert sheet.count(b"<row ") == count
    assert b'r="A200000" t="inlineStr"><is><t xml:space="preserve">last<' in sheet


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
ROW = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no zip", "not_xlsx"),
        (bytes.fromhex("d0cf11e0a1b11ae1"), "encrypted"),
        (by_hand("&e;", before=ENTITY), "not_xlsx"),
        (by_hand(ROW.format(5) + ROW.format(2)), "not_xlsx"),
        (by_hand("<row><c>"), "not_xlsx"),
        (by_hand(ROW.format(1048576)), "too_many_cells"),
        (by_hand(ROW.format(9999999)), "not_xlsx"),
        (by_hand("", bomb=bytes(20 * 1024 * 1024)), "archive_bomb"),
    ],
)
def test_refuses_what_is_damaged_or_hostile(
    append: Any, ctx: StepContext, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        append(content, [[1]], header=False)
    assert caught.value.code == code
    assert ctx.files.read_bytes(PATH) == content


@pytest.mark.parametrize(
    ("rows", "params", "code"),
    [
        ([{"nmae": 1}], {}, "unknown_column"),
        ([{"name": 1}, [2]], {}, "bad_rows"),
        ([["x" * 32_768]], {}, "cell_too_long"),
        ([[1] * 16_385], {}, "too_many_cells"),
        ([[1]], {"sheet": "Nope"}, "sheet_not_found"),
        ([{"1": 1}], {"header": False}, "unknown_column"),
    ],
)
def test_refuses_rows_that_do_not_fit(
    append: Any, rows: Any, params: Any, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        append(workbook(["name"]), rows, **params)
    assert caught.value.code == code


def test_names_the_column_that_was_meant(append: Any) -> None:
    with pytest.raises(PermanentFailure, match="Did you mean 'name'"):
        append(workbook(["name"]), [{"nmae": 1}])


@pytest.mark.parametrize("path", [PATH, "out/a.csv"])
def test_does_not_make_a_file_when_told_so(append: Any, path: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        append(None, [[1]], path=path, create=False)
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    ("content", "params", "wanted"),
    [
        (b"a,b\r\n1,2\r\n", {}, b"a,b\r\n1,2\r\n,=x\r\n"),
        (b"a;b\n1;2", {}, b"a;b\n1;2\n;=x\n"),
        (None, {"columns": ["a", "b"]}, b"a,b\r\n,=x\r\n"),
        (b"", {}, b"b\r\n=x\r\n"),
        (
            "\ufeffa\tb\n".encode("utf-16-le"),
            {"encoding": "utf-16"},
            "\ufeffa\tb\n\t=x\n".encode("utf-16-le"),
        ),
    ],
)
def test_adds_lines_to_separated_text(
    append: Any, ctx: StepContext, content: Any, params: Any, wanted: bytes
) -> None:
    append(content, [{"b": "=x"}], path="a.csv", **params)
    encoding = params.get("encoding", "utf-8")
    found = ctx.files.read_bytes("a.csv").decode(encoding).replace("'", "")
    assert found == wanted.decode(encoding)
    assert b"'" in ctx.files.read_bytes("a.csv")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a\n\xff\n", "wrong_encoding"),
        (b'a\n"1\n', "not_csv"),
        (b"a\n\0\n", "not_text"),
        (b"b\n1\n", "unknown_column"),
    ],
)
def test_leaves_damaged_text_alone(
    append: Any, ctx: StepContext, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        append(content, [{"a": 1}], path="a.csv")
    assert caught.value.code == code
    assert ctx.files.read_bytes("a.csv") == content


def test_does_not_undo_what_another_wrote_meanwhile(
    append: Any, ctx: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = StepContext.bounded

    def slowly(self: StepContext, *args: Any, **limits: Any) -> Any:
        self.files.write_bytes(PATH, workbook(["other"]))
        return bounded(self, *args, **limits)

    monkeypatch.setattr(StepContext, "bounded", slowly)
    with pytest.raises(TemporaryFailure) as caught:
        append(workbook(["a"]), [[1]])
    assert caught.value.code == "file_changed"
    assert cells(ctx) == [["other"]]


@pytest.mark.parametrize(
    "params", [{"path": "a.xls"}, {"rows": ["x"]}, {"sheet": "a/b"}, {"columns": []}]
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("append_excel", {"path": PATH, "rows": []} | params)


def test_a_repeat_would_add_the_rows_again() -> None:
    params = AppendExcelParams(path=PATH, rows=[[1]])
    assert not AppendExcel().is_keyed(params)
    assert AppendExcel().on_crash is OnCrash.FAIL
    assert AppendExcel().summary(params) == f"add 1 rows to {PATH}"
