import csv
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from tests.fixtures_steps import ContextMaker, StepRunner

PEOPLE = "name,age,city\nAnn,30,Bonn\nBob,41,Graz\n"


@pytest.fixture
def parse(run_step: StepRunner) -> Any:
    def run(text: str, **params: Any) -> Any:
        return run_step("parse_csv", {"text": text, **params})

    return run


@pytest.fixture
def parse_file(run_step: StepRunner, step_ctx: ContextMaker) -> Any:
    def run(content: bytes, **params: Any) -> Any:
        ctx = step_ctx()
        ctx.files.write_bytes("people.csv", content)
        return run_step("parse_csv", {"path": "people.csv", **params}, ctx)

    return run


def test_reads_rows_by_their_header(parse: Any) -> None:
    assert parse(PEOPLE) == {
        "rows": [
            {"name": "Ann", "age": "30", "city": "Bonn"},
            {"name": "Bob", "age": "41", "city": "Graz"},
        ],
        "columns": ["name", "age", "city"],
        "count": 2,
        "delimiter": ",",
        "encoding": "text",
    }


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_finds_the_delimiter(parse: Any, sign: str) -> None:
    text = f'a{sign}b\n"x{sign}{sign}{sign}; , y"{sign}1.234\nz{sign}2\n'
    parsed = parse(text)
    assert parsed["delimiter"] == sign
    assert parsed["rows"][0] == {"a": f"x{sign}{sign}{sign}; , y", "b": "1.234"}


def test_a_single_column_needs_no_delimiter(parse: Any) -> None:
    assert parse("name\nAnn\n")["rows"] == [{"name": "Ann"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_takes_every_kind_of_line_end(parse: Any, end: str) -> None:
    text = f'a,b{end}"one{end}two",2{end}{end}3,4'
    rows = parse(text)["rows"]
    assert [row["b"] for row in rows] == ["2", "4"]
    assert rows[0]["a"].splitlines() == ["one", "two"]


def test_only_line_ends_end_lines(parse: Any) -> None:
    assert parse("a,b\nx\x0cy\u2028z,1\n")["rows"] == [{"a": "x\x0cy\u2028z", "b": "1"}]


def test_quotes_inside_quotes(parse: Any) -> None:
    assert parse('a\n"say ""hi"""\n')["rows"] == [{"a": 'say "hi"'}]


@pytest.mark.parametrize(
    ("header", "columns"),
    [(False, ["column_1", "column_2"]), (["x", "y"], ["x", "y"])],
)
def test_a_header_is_not_needed(parse: Any, header: Any, columns: list[str]) -> None:
    parsed = parse("1,2\n3,4\n", header=header)
    assert (parsed["columns"], parsed["count"]) == (columns, 2)


def test_lines_before_the_header_can_be_skipped(parse: Any) -> None:
    assert parse("Report\n\na,b\n1,2\n", skip=2)["rows"] == [{"a": "1", "b": "2"}]


def test_column_names_are_never_empty_or_twice(
    run_step: StepRunner, step_ctx: ContextMaker
) -> None:
    ctx = step_ctx()
    parsed = run_step("parse_csv", {"text": "a,,a\n1,2,3\n"}, ctx)
    assert parsed["columns"] == ["a", "column_2", "a_2"]
    assert len(ctx.warnings) == 2


def test_types_by_column(parse: Any) -> None:
    types = {"n": "number", "i": "integer", "b": "boolean"}
    text = "n,i,b,t\n1.5,2.0,Yes,007\n,,no,\n"
    assert parse(text, types=types)["rows"] == [
        {"n": 1.5, "i": 2, "b": True, "t": "007"},
        {"n": None, "i": None, "b": False, "t": ""},
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("-1.5", -1.5),
        ("0.5", 0.5),
        ("true", True),
        ("", None),
        ("007", "007"),
        ("+49", "+49"),
        ("12345678901234567890", "12345678901234567890"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("Ann", "Ann"),
    ],
)
def test_automatic_types_lose_nothing(parse: Any, cell: str, value: Any) -> None:
    row = parse(f"a,b\n{cell},x\n", types="auto")["rows"][0]
    assert (type(row["a"]), row["a"]) == (type(value), value)


@pytest.mark.parametrize(
    ("encoding", "given", "told"),
    [
        ("utf-8", "auto", "utf-8"),
        ("utf-8-sig", "auto", "utf-8"),
        ("utf-8-sig", "utf-8", "utf-8"),
        ("utf-16", "auto", "utf-16-le"),
        ("cp1252", "cp1252", "cp1252"),
    ],
)
def test_reads_files_of_many_encodings(
    parse_file: Any, encoding: str, given: str, told: str
) -> None:
    content = "name,city\nJürgen,Köln\n".encode(encoding)
    parsed = parse_file(content, encoding=given)
    assert parsed["rows"] == [{"name": "Jürgen", "city": "Köln"}]
    assert parsed["encoding"] == told


def test_a_missing_file_is_named(run_step: StepRunner) -> None:
    with pytest.raises(PermanentFailure, match=r"gone\.csv"):
        run_step("parse_csv", {"path": "gone.csv"})


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
def test_a_path_cannot_leave_the_workspace(run_step: StepRunner, path: str) -> None:
    with pytest.raises(PermanentFailure):
        run_step("parse_csv", {"path": path})


@pytest.mark.parametrize("encoding", ["auto", "utf-8", "ascii"])
def test_a_wrong_encoding_names_the_byte(parse_file: Any, encoding: str) -> None:
    content = "name\nAnn\nJürgen\n".encode("cp1252")
    with pytest.raises(
        PermanentFailure, match=r"0xfc at offset 10 \(line 3\)"
    ) as caught:
        parse_file(content, encoding=encoding)
    assert caught.value.code == "wrong_encoding"


def test_mixed_encodings_are_not_guessed(parse_file: Any) -> None:
    content = "a\nKöln\n".encode() + "Köln\n".encode("cp1252")
    with pytest.raises(PermanentFailure, match="offset"):
        parse_file(content)


@pytest.mark.parametrize(
    ("text", "params", "code", "why"),
    [
        ("a,b\n1,2,3\n", {}, "ragged_rows", "Line 2 has 3 cells, the header has 2"),
        ("a,b\n\n1\n", {}, "ragged_rows", "Line 3 has 1 cells"),
        ("a,b\n1,\0\n", {}, "not_text", "Line 2 holds a NUL"),
        ('a,b\n1,2\n"x,3\n', {}, "not_csv", "Line 3: a quoted cell"),
        ('a,b\n"x"y,3\n', {}, "not_csv", "Line 2"),
        ("a\n" + "x" * 1_000_001, {}, "not_csv", "1,000,000 characters"),
        ("a," * 20_000, {}, "too_many_columns", "16,384"),
        ("a\n1\n", {"types": {"b": "number"}}, "unknown_column", "'b'"),
        ("a\nx\n", {"types": {"a": "number"}}, "wrong_type", "'a' of row 0"),
        ("a\n1.5\n", {"types": {"a": "integer"}}, "wrong_type", "integer"),
    ],
)
def test_says_what_is_wrong_and_where(
    parse: Any, text: str, params: dict[str, Any], code: str, why: str
) -> None:
    with pytest.raises(PermanentFailure, match=why) as caught:
        parse(text, **params)
    assert caught.value.code == code


def test_short_lines_can_be_padded(
    run_step: StepRunner, step_ctx: ContextMaker
) -> None:
    ctx = step_ctx()
    params = {"text": "a,b\n1\n", "ragged": "pad"}
    assert run_step("parse_csv", params, ctx)["rows"] == [{"a": "1", "b": None}]
    assert ctx.warnings == ["1 lines have too few cells; the rest is null"]


def test_padding_does_not_make_a_small_file_huge(parse: Any) -> None:
    text = ",".join(f"c{n}" for n in range(16_000)) + "\n" + "1\n" * 60_000
    with pytest.raises(PermanentFailure) as caught:
        parse(text, ragged="pad")
    assert caught.value.code == "too_many_rows"


def test_a_large_text_is_read_in_bounds(parse: Any) -> None:
    text = "a,b\n" + "x,1\n" * 100_000
    assert parse(text)["count"] == 100_000


def test_the_process_keeps_its_own_limit_of_cells(parse: Any) -> None:
    before = csv.field_size_limit()
    parse(PEOPLE)
    assert csv.field_size_limit() == before


def test_an_empty_text_has_no_rows(parse: Any) -> None:
    assert parse("")["rows"] == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"text": "a", "path": "b"},
        {"text": "a", "delimiter": "::"},
        {"text": "a", "delimiter": "\n"},
        {"text": "a", "encoding": "klingon"},
        {"text": "a", "encoding": "base64"},
        {"text": "a", "encoding": "rot13"},
        {"text": "a", "header": []},
        {"text": "a", "header": ["x", "x"]},
        {"text": "a", "types": "moment"},
        {"text": "a", "skip": -1},
    ],
)
def test_refuses_params_that_make_no_sense(
    run_step: StepRunner, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        run_step("parse_csv", params)
