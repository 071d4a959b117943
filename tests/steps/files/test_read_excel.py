import io
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.files.workbooks import by_hand, workbook, zipped

PEOPLE = [["Name", "Age"], ["Ann", 31], ["Bob", None], [None, None], ["Cyd", 5.5]]


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def read(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes, **params: Any) -> Any:
        ctx.files.write_bytes("in/a.xlsx", content)
        return run_step("read_excel", {"path": "in/a.xlsx"} | params, ctx)

    return run


def test_reads_rows_by_column(read: Any, ctx: StepContext) -> None:
    assert read(workbook(*PEOPLE, Two=[["x"]])) == {
        "rows": [
            {"Name": "Ann", "Age": 31},
            {"Name": "Bob", "Age": None},
            {"Name": "Cyd", "Age": 5.5},
        ],
        "columns": ["Name", "Age"],
        "sheet": "One",
        "sheets": ["One", "Two"],
        "truncated": False,
    }
    assert ctx.warnings == []


@pytest.mark.parametrize("sheet", ["Two", 2])
def test_chooses_a_sheet(read: Any, sheet: Any) -> None:
    output = read(workbook(["a"], [1], Two=[["b"], [2]]), sheet=sheet)
    assert (output["sheet"], output["rows"]) == ("Two", [{"b": 2}])


@pytest.mark.parametrize("sheet", ["Three", 0, 3, -1, "1"])
def test_tells_which_sheets_there_are(read: Any, sheet: Any) -> None:
    with pytest.raises(PermanentFailure, match="One, Two") as caught:
        read(workbook(["a"], Two=[]), sheet=sheet)
    assert caught.value.code == "sheet_not_found"


def test_without_a_header_columns_have_letters(read: Any) -> None:
    output = read(workbook([1, 2], [3, 4, 5]), header=False)
    assert output["columns"] == ["A", "B", "C"]
    assert output["rows"][0] == {"A": 1, "B": 2, "C": None}


@pytest.mark.parametrize(
    ("area", "rows"),
    [
        ("B2:C3", [{"e": "h", "f": "i"}]),
        ("b:c", [{"b": "e", "c": "f"}, {"b": "h", "c": "i"}]),
        ("$A$2:B99", [{"d": "g", "e": "h"}]),
        ("Z1:ZZ5", []),
    ],
)
def test_reads_a_range(read: Any, area: str, rows: Any) -> None:
    content = workbook(list("abc"), list("def"), list("ghi"))
    assert read(content, range=area)["rows"] == rows


def test_made_up_names_follow_the_place_in_the_sheet(read: Any) -> None:
    assert read(workbook([1, 2, 3]), header=False, range="B:C")["columns"] == ["B", "C"]


def test_columns_always_have_a_name_of_their_own(read: Any, ctx: StepContext) -> None:
    output = read(workbook(["a", None, "a", " a\nb "], [1, 2, 3, 4, 5]))
    assert output["rows"] == [{"a": 1, "B": 2, "a_2": 3, "a b": 4, "E": 5}]
    assert ctx.warnings == [
        "Columns without a name of their own are called: B, a_2, E."
    ]


def test_values_are_json(read: Any) -> None:
    book = Workbook()
    values = [
        True,
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - Excel has no zones
        time(3, 4),
        timedelta(hours=30, minutes=1),
        "=1+1",
        12.0,
    ]
    book.active.append(values)
    file = io.BytesIO()
    book.save(file)
    row = read(file.getvalue(), header=False)["rows"][0]
    assert list(row.values()) == [
        True,
        "2026-01-02",
        "2026-01-02T03:04:05",
        "03:04:00",
        "30:01:00",
        None,
        12,
    ]


def test_formulas_give_what_was_saved_for_them(read: Any, ctx: StepContext) -> None:
    cells = (
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c>'
        '<c r="B1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    assert read(by_hand(cells), header=False)["rows"] == [{"A": 2, "B": "#DIV/0!"}]
    assert ctx.warnings == ["1 cells hold an error such as #REF!."]


def test_what_looks_like_a_formula_stays_text(read: Any) -> None:
    hostile = ["=cmd|'/c calc'!A1", "\t=1+1", "\uff1d1"]
    book = Workbook()
    book.active.append(hostile)
    book.active["A1"].data_type = "s"
    file = io.BytesIO()
    book.save(file)
    assert list(read(file.getvalue(), header=False)["rows"][0].values()) == hostile


def test_reads_up_to_max_rows(read: Any, ctx: StepContext) -> None:
    output = read(workbook(["a"], [1], [2], [3]), max_rows=2)
    assert (output["rows"], output["truncated"]) == ([{"a": 1}, {"a": 2}], True)
    assert ctx.warnings == ["The sheet has more than 2 rows; the rest is left."]


@pytest.mark.parametrize("content", [workbook(), workbook(["a"])])
def test_an_empty_sheet_has_no_rows(read: Any, content: bytes) -> None:
    assert read(content)["rows"] == []


def test_does_not_believe_the_stated_size(read: Any) -> None:
    huge = '<dimension ref="A1:XFD1048576"/>'
    cell = '<row r="1"><c r="A1"><v>1</v></c></row>'
    assert read(by_hand(cell, attributes=huge), header=False)["rows"] == [{"A": 1}]


def test_a_cell_far_out_is_bounded(read: Any) -> None:
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    row = read(by_hand(far), header=False)["rows"][0]
    assert (len(row), row["XFD"]) == (16_384, 1)


def test_numbers_beyond_all_bounds_are_text(read: Any) -> None:
    cells = (
        '<row r="1"><c r="A1"><v>1e999</v></c>'
        '<c r="B1"><v>123456789012345678901234567890</v></c></row>'
    )
    row = read(by_hand(cells), header=False)["rows"][0]
    assert row == {"A": "inf", "B": "123456789012345678901234567890"}


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
CELL = '<row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row>'
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)


def lying() -> bytes:
    """A sheet that states to be smaller than it is."""
    content = bytearray(by_hand(CELL.format("x" * 5000)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.getinfo("xl/s.xml")
    size = part.file_size.to_bytes(4, "little")
    return bytes(content.replace(size, (100).to_bytes(4, "little")))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_xlsx"),
        (b"a;b\n1;2\n", "not_xlsx"),
        (workbook(["a"])[:-200], "not_xlsx"),
        (OLE, "encrypted"),
        (zipped({"x": "y"}), "not_xlsx"),
        (zipped({"[Content_Types].xml": "<x/>"}), "not_xlsx"),
        (zipped({"[Content_Types].xml": "no xml"}), "not_xlsx"),
        (by_hand(CELL.format("&e;"), before=ENTITY), "not_xlsx"),
        (by_hand(CELL.format("&c;"), before=LAUGHS), "not_xlsx"),
        (by_hand('<row r="x"><c r="?"><v>1</v></c></row>'), "not_xlsx"),
        (by_hand(f'<row r="1"><c r="A1"><v>{"9" * 5000}</v></c></row>'), "not_xlsx"),
        (by_hand("<row><c>"), "not_xlsx"),
        (lying(), "not_xlsx"),
        (by_hand("", **{f"p{n}": "" for n in range(1001)}), "archive_bomb"),
        (by_hand("", bomb=bytes(20 * 1024 * 1024)), "archive_bomb"),
    ],
)
def test_refuses_what_is_damaged_or_hostile(
    read: Any, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(content)
    assert caught.value.code == code


def test_entities_in_other_parts_are_refused(read: Any) -> None:
    book = by_hand("")
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["xl/workbook.xml"].decode()
    text = text.replace("?>", "?>" + LAUGHS, 1).replace('"One"', '"&c;"')
    with pytest.raises(PermanentFailure) as caught:
        read(zipped(parts | {"xl/workbook.xml": text}))
    assert caught.value.code == "not_xlsx"


def test_an_archive_may_lead_nowhere_else(read: Any) -> None:
    content = by_hand("", **{"../../evil": "x"})
    assert read(content)["rows"] == []


def test_a_file_that_is_not_there(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_step("read_excel", {"path": "a.xlsx"})
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    "params",
    [
        {"path": "../a"},
        {"range": "A1"},
        {"range": "A0:B1"},
        {"range": "B1:A2"},
        {"range": "A5:B1"},
        {"range": "A1:XFE2"},
        {"range": "A1:B99999999"},
        {"range": ""},
        {"max_rows": 0},
        {"max_rows": 10**9},
        {"sheet": [1]},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("read_excel", {"path": "a.xlsx"} | params)


def test_the_test_workbooks_are_ones() -> None:
    good = by_hand('<row r="1"><c r="A1"><v>1</v></c></row>')
    assert load_workbook(io.BytesIO(good)).active["A1"].value == 1


def test_gives_formulas_as_texts_when_asked(read: Any) -> None:
    cells = '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row>'
    output = read(by_hand(cells), header=False, formulas="text")
    assert output["rows"] == [{"A": "=1+1"}]


def test_names_may_stand_below_titles(read: Any) -> None:
    content = workbook(["Report"], ["of May"], ["a", "b"], [1, 2])
    assert read(content, header_row=3)["rows"] == [{"a": 1, "b": 2}]
    assert read(content, header_row=3, range="B:B")["rows"] == [{"b": 2}]


def test_makes_of_cells_what_types_say(read: Any) -> None:
    content = workbook(["zip", "n", "day"], [7011, "1.5", "31.12.2026"])
    types = {"zip": "text", "n": "number", "day": "date"}
    output = read(content, types=types, date_format="%d.%m.%Y")
    assert output["rows"] == [{"zip": "7011", "n": 1.5, "day": "2026-12-31"}]


@pytest.mark.parametrize(
    ("cell", "wanted"), [("NaN", "number"), ("1e999", "number"), ("31.2.", "date")]
)
def test_a_cell_that_is_none_of_its_type(read: Any, cell: str, wanted: str) -> None:
    with pytest.raises(PermanentFailure, match="'a' of row 0 is no") as caught:
        read(workbook(["a"], [cell]), types={"a": wanted})
    assert caught.value.code == "wrong_type"


# The most that a sheet can have takes half a minute.
@pytest.mark.parametrize("rows", [2**17, pytest.param(2**20, marks=pytest.mark.long)])
def test_reads_very_many_rows_in_bounded_memory(read: Any, rows: int) -> None:
    cells = "".join(f'<row r="{n}"><c><v>{n}</v></c></row>' for n in range(1, rows))
    content = by_hand(cells)
    assert read(content, max_rows=1, header=False)["rows"] == [{"A": 1}]
    output = read(content, header=False, range=f"A{rows - 6}:A{rows}")
    assert output["rows"][-1] == {"A": rows - 1}


@pytest.fixture
def read_text(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes, path: str = "in/a.csv", **params: Any) -> Any:
        ctx.files.write_bytes(path, content)
        return run_step("read_excel", {"path": path} | params, ctx)

    return run


def test_reads_separated_text(read_text: Any) -> None:
    assert read_text("a;b\nü;=1\n\n".encode()) == {
        "rows": [{"a": "ü", "b": "=1"}],
        "columns": ["a", "b"],
        "truncated": False,
        "delimiter": ";",
        "encoding": "utf-8",
    }


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        ({"range": "B2:C9"}, [{"2": "5", "3": "6"}]),
        ({"header_row": 2, "range": "A:A"}, [{"1": "4"}]),
        ({"header": False, "max_rows": 1, "range": "C:C"}, [{"C": "c"}]),
        ({"types": "auto", "header_row": 2}, [{"1": 4, "2": 5, "3": 6}]),
    ],
)
def test_reads_a_part_of_separated_text(read_text: Any, params: Any, rows: Any) -> None:
    assert read_text(b"a,b,c\n1,2,3\n4,5,6\n", **params)["rows"] == rows


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("a;b\nü;".encode() + b"\xfc\n", "wrong_encoding"),
        (b"a;b\n\0;1\n", "not_text"),
        (b'a;b\n"1;2\n', "not_csv"),
        (b"a;b\n" + b"x" * 1_000_001, "not_csv"),
        (b"a" * (64 * 1024 * 1024), "not_csv"),
        (b"a\n" + b",".join([b"1"] * 16_385), "too_many_cells"),
    ],
)
def test_refuses_damaged_separated_text(
    read_text: Any, content: bytes, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read_text(content)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "params",
    [
        {"path": "a.csv", "sheet": 1},
        {"header_row": 2, "header": False},
        {"header_row": 2, "range": "A1:B2"},
        {"delimiter": ";;"},
        {"encoding": "base64"},
        {"types": "money"},
    ],
)
def test_refuses_params_that_make_no_sense(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("read_excel", {"path": "a.xlsx"} | params)
