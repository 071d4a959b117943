from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from tests.fixtures_steps import StepRunner

SCHEMA = {
    "type": "object",
    "properties": {"no": {"type": "integer", "minimum": 1}, "mail": {"type": "string"}},
    "required": ["no"],
    "additionalProperties": False,
}


@pytest.fixture
def validate(run_step: StepRunner) -> Any:
    def run(data: Any, **params: Any) -> Any:
        return run_step("validate_data", {"data": data, **params})

    return run


def messages(result: Any) -> list[str]:
    return [error["message"] for bad in result["bad"] for error in bad["errors"]]


def test_sets_bad_rows_apart(validate: Any) -> None:
    rows = [{"no": 1}, {"no": 0, "mail": 5}, {"mail": "x"}, {"no": 2, "extra": 1}, 7]
    result = validate(rows, schema=SCHEMA)
    assert result["good"] == [{"no": 1}]
    assert [bad["index"] for bad in result["bad"]] == [1, 2, 3, 4]
    assert result["bad"][0]["row"] == rows[1]
    assert {error["field"] for error in result["bad"][0]["errors"]} == {"no", "mail"}
    assert result["counts"] == {"total": 5, "good": 1, "bad": 4}


def test_a_single_value_is_one_row(validate: Any) -> None:
    assert validate({"no": 1}, schema=SCHEMA)["good"] == [{"no": 1}]


def test_can_fail_instead(validate: Any) -> None:
    with pytest.raises(PermanentFailure, match="1 of 2 rows") as caught:
        validate([{"no": 1}, {"no": 0}], schema=SCHEMA, on_invalid="fail")
    assert caught.value.details["errors"][0]["index"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        ({"required": True}, None, "it is null or empty"),
        ({"required": True}, "", "it is null or empty"),
        ({"type": "text"}, 1, "it is not a text"),
        ({"type": "number"}, "1", "it is not a number"),
        ({"type": "number"}, True, "it is not a number"),
        ({"type": "integer"}, 1.5, "it is not a whole number"),
        ({"type": "boolean"}, 1, "it is not true or false"),
        ({"type": "list"}, {}, "it is not a list"),
        ({"type": "object"}, [], "it is not a mapping"),
        ({"type": "date"}, "2026-02-30", "it is not a date such as 2026-05-01"),
        ({"type": "datetime"}, "soon", "it is not a time such as 2026-05-01T08:00:00Z"),
        ({"type": "email"}, "ann@example", "it is not an e-mail address"),
        ({"type": "email"}, "a b@example.com", "it is not an e-mail address"),
        ({"type": "url"}, "javascript:alert(1)", "it is not a web address"),
        ({"type": "url"}, "http://[", "it is not a web address"),
        ({"min": 18}, 17, "it is not at least 18"),
        ({"min": 18}, "x", "it is not at least 18"),
        ({"max": "2026-01-01"}, "2026-05-01", "it is not at most 2026-01-01"),
        ({"min_length": 2}, "a", "it is shorter than 2"),
        ({"max_length": 1}, [1, 2], "it is longer than 1"),
        ({"max_length": 1}, 5, "it has no length"),
        ({"pattern": "^[A-Z]"}, "ann", "it does not match ^[A-Z]"),
        ({"pattern": "^[A-Z]"}, 5, "it does not match ^[A-Z]"),
        ({"enum": ["a", 1]}, "1", "it is not one of a, 1"),
        ({"enum": [1]}, True, "it is not one of 1"),
        ({"type": "text", "message": "a name, please"}, 1, "a name, please"),
    ],
)
def test_tells_which_rule_a_field_breaks(
    validate: Any, rule: dict[str, Any], value: Any, message: str
) -> None:
    result = validate([{"f": value}], rules=[{"field": "f"} | rule])
    assert messages(result) == [message]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "integer"}, 2.0),
        ({"type": "email"}, "ann.o'neil+x@mail.example.co.uk"),
        ({"type": "email"}, "jürgen@köln.example"),
        ({"type": "url"}, "https://example.com/a?b#c"),
        ({"type": "datetime"}, "2026-05-01T08:00:00Z"),
        ({"min": 18, "max": 20}, "19"),
        ({"type": "email", "min_length": 5}, None),
        ({"enum": [1]}, 1.0),
    ],
)
def test_takes_what_keeps_the_rule(
    validate: Any, rule: dict[str, Any], value: Any
) -> None:
    assert validate([{"f": value}], rules=[{"field": "f"} | rule])["bad"] == []


def test_tells_missing_from_null(validate: Any) -> None:
    rules = [{"field": "a.b", "required": True}]
    result = validate([{}, {"a": {"b": None}}, {"a": {"b": 0}}], rules=rules)
    assert messages(result) == ["it is missing", "it is null or empty"]


def test_unique_names_the_row_before(validate: Any) -> None:
    rows = [{"k": 1}, {"k": "1"}, {"k": None}, {"k": 1.0}, {"k": None}]
    result = validate(rows, rules=[{"field": "k", "unique": True}])
    assert messages(result) == ["row 0 has the same value"]


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 50_000 + "!"),
        ({"patternProperties": {"^(a+)+$": {"type": "integer"}}}, {"a" * 5000: "x"}),
        (
            {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
            {"a" * 5000 + "!": 1},
        ),
    ],
)
def test_a_pattern_in_a_schema_cannot_hang(
    validate: Any, schema: Any, row: Any
) -> None:
    assert validate([row], schema=schema)["counts"]["bad"] == 1


def test_follows_references_inside_the_schema(validate: Any) -> None:
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}
    assert validate([1, "x"], schema=schema)["counts"]["bad"] == 1


@pytest.mark.parametrize(
    ("format_", "bad"),
    [("email", "ann"), ("date", "2026-02-30"), ("ipv4", "1.2.3.400")],
)
def test_checks_formats(validate: Any, format_: str, bad: str) -> None:
    assert validate([bad], schema={"format": format_})["counts"]["bad"] == 1


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/$defs/none"}])
def test_a_schema_without_an_end_is_an_error(validate: Any, schema: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        validate([1], schema=schema)
    assert caught.value.code == "invalid_schema"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"schema": {"type": "strange"}},
        {"schema": {"$ref": "http://127.0.0.1/schema"}},
        {"schema": {"properties": {"a": {"$ref": "file:///etc/passwd"}}}},
        {"schema": {"pattern": "("}},
        {"schema": {"pattern": "(?=x)"}},
        {"schema": {"unevaluatedProperties": False}},
        {"schema": {"minimum": "x"}},
        {"rules": [{"field": "a"}]},
        {"rules": [{"field": "a", "message": "x"}]},
        {"rules": [{"field": "a", "type": "money"}]},
        {"rules": [{"field": "a", "pattern": "("}]},
        {"rules": [{"field": "", "required": True}]},
    ],
)
def test_refuses_checks_that_make_no_sense(
    validate: Any, params: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        validate([], **params)
