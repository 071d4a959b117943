from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from tests.fixtures_steps import StepRunner

ORDERS = [
    {"no": 1, "customer": "Ann", "total": 100, "address": {"city": "Bonn"}},
    {"no": 2, "customer": "Bob", "total": 50, "address": {"city": "Graz"}},
    {"no": 3, "customer": "Ann", "total": 25.5, "address": {"city": "Bonn"}},
]


@pytest.fixture
def transform(run_step: StepRunner) -> Any:
    def run(data: Any, *operations: Any) -> Any:
        params = {"data": data, "operations": list(operations)}
        return run_step("transform_data", params)

    return run


def numbers(rows: list[Any]) -> list[int]:
    return [row["no"] for row in rows]


def test_operations_follow_one_another(transform: Any) -> None:
    assert transform(
        ORDERS,
        {"filter": {"where": {"field": "total", "op": ">", "value": 30}}},
        {"sort": "total"},
        {"pick": ["no", "address.city"]},
        {"rename": {"fields": {"address.city": "city"}}},
    ) == [{"no": 2, "city": "Graz"}, {"no": 1, "city": "Bonn"}]


def test_map_makes_new_rows(transform: Any) -> None:
    operation = {"map": {"fields": {"id": "no", "where": "address.city || 'none'"}}}
    assert transform([*ORDERS[:1], {}], operation) == [
        {"id": 1, "where": "Bonn"},
        {"id": None, "where": "none"},
    ]


def test_map_may_keep_the_other_fields(transform: Any) -> None:
    operation = {"map": {"fields": {"b": "a"}, "keep": True}}
    assert transform([{"a": 1}], operation) == [{"a": 1, "b": 1}]


def test_compute_evaluates_expressions_on_the_row(transform: Any) -> None:
    fields = {"gross": "row.total * 2", "double": "row.gross * 2", "at": "index"}
    computed = transform(ORDERS[:1], {"compute": {"fields": fields}})[0]
    assert (computed["gross"], computed["double"], computed["at"]) == (200, 400, 0)


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("==", 50, [2]),
        ("==", "50", [2]),
        ("!=", 50, [1, 3]),
        (">", "30", [1, 2]),
        ("<=", 50, [2, 3]),
        (">", "abc", []),
        (">", None, []),
        ("in", [100, "25.5"], [1, 3]),
        ("not_in", [100], [2, 3]),
        ("is_empty", None, []),
        ("is_not_empty", None, [1, 2, 3]),
    ],
)
def test_filter_compares_numbers(
    transform: Any, op: str, value: Any, expected: list[int]
) -> None:
    where = [{"field": "total", "op": op, "value": value}]
    assert numbers(transform(ORDERS, {"filter": {"where": where}})) == expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("contains", "nn", [1, 3]),
        ("not_contains", "nn", [2]),
        ("starts_with", "B", [2]),
        ("ends_with", "b", [2]),
        ("matches", "^[AB]n", [1, 3]),
        ("<", "B", [1, 3]),
        ("==", "ann", []),
    ],
)
def test_filter_compares_texts(
    transform: Any, op: str, value: Any, expected: list[int]
) -> None:
    where = [{"field": "customer", "op": op, "value": value}]
    assert numbers(transform(ORDERS, {"filter": {"where": where}})) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"jmespath": "total > `30` && customer == 'Ann'"}, [1]),
        ({"if": "row.total > 30 and index > 0"}, [2]),
        ({"match": "any", "where": [{"field": "no", "value": 1}]}, [1]),
    ],
)
def test_filter_takes_queries_and_expressions(
    transform: Any, how: dict[str, Any], expected: list[int]
) -> None:
    assert numbers(transform(ORDERS, {"filter": how})) == expected


def test_any_of_several_conditions_may_do(transform: Any) -> None:
    where = [{"field": "no", "value": 1}, {"field": "customer", "value": "Bob"}]
    assert numbers(transform(ORDERS, {"filter": {"match": "any", "where": where}})) == [
        1,
        2,
    ]


MIXED = [None, "b", 10, True, "a", [1], 9, {"x": 1}, False, 9.5]


def test_sort_has_an_order_for_every_kind(transform: Any) -> None:
    rising = [9, 9.5, 10, "a", "b", False, True, [1], {"x": 1}, None]
    assert transform(MIXED, {"sort": "@"}) == rising
    falling = [*rising[-2::-1], None]
    assert (
        transform(MIXED, {"sort": {"by": {"field": "@", "order": "desc"}}}) == falling
    )


def test_sort_by_several_fields_keeps_the_order_of_equals(transform: Any) -> None:
    by = ["customer", {"field": "total", "order": "desc"}]
    assert numbers(transform(ORDERS, {"sort": {"by": by}})) == [1, 3, 2]


def test_sort_can_read_numbers_in_texts(transform: Any) -> None:
    rows = [{"n": "10"}, {"n": "9"}, {"n": ""}]
    by = {"field": "n", "numeric": True}
    assert transform(rows, {"sort": {"by": by}}) == [{"n": "9"}, {"n": "10"}, {"n": ""}]


def test_group_puts_rows_into_rows(transform: Any) -> None:
    groups = transform(ORDERS, {"group": {"by": "customer", "into": "orders"}})
    assert [(g["customer"], numbers(g["orders"])) for g in groups] == [
        ("Ann", [1, 3]),
        ("Bob", [2]),
    ]


def test_group_tells_values_of_different_kinds_apart(transform: Any) -> None:
    rows = [{"a": 1}, {"a": True}, {"a": "1"}, {"a": 1.0}, {}]
    assert len(transform(rows, {"group": "a"})) == 4


def test_aggregate_counts_and_sums_by_group(transform: Any) -> None:
    fields = {"sum": {"op": "sum", "field": "total"}, "n": {"op": "count"}}
    assert transform(ORDERS, {"aggregate": {"by": "customer", "fields": fields}}) == [
        {"customer": "Ann", "sum": 125.5, "n": 2},
        {"customer": "Bob", "sum": 50, "n": 1},
    ]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("sum", 6.3),
        ("avg", 2.1),
        ("min", 1),
        ("max", "3.3"),
        ("count", 3),
        ("count_distinct", 3),
        ("first", None),
        ("last", 2),
        ("list", [None, 1, "3.3", 2]),
    ],
)
def test_aggregate_leaves_null_out(transform: Any, op: str, expected: Any) -> None:
    rows = [{}, {"a": 1}, {"a": "3.3"}, {"a": 2}]
    fields = {"x": {"op": op, "field": "a"}}
    result = transform(rows, {"aggregate": {"fields": fields}})[0]["x"]
    assert result == (pytest.approx(expected) if op == "avg" else expected)


@pytest.mark.parametrize("op", ["sum", "avg", "min", "max", "first", "last"])
def test_aggregate_of_no_rows(transform: Any, op: str) -> None:
    fields = {"x": {"op": op, "field": "a"}}
    expected = 0 if op == "sum" else None
    assert transform([], {"aggregate": {"fields": fields}}) == [{"x": expected}]


def test_sums_are_exact(transform: Any) -> None:
    fields = {"x": {"op": "sum", "field": "a"}}
    rows = [{"a": 0.1}] * 10
    assert transform(rows, {"aggregate": {"fields": fields}}) == [{"x": 1.0}]


def test_drop_leaves_fields_out(transform: Any) -> None:
    assert transform([{"a": 1, "b": 2}], {"drop": "a"}) == [{"b": 2}]


def test_flatten_makes_a_row_of_each_item(transform: Any) -> None:
    rows = [{"no": 1, "items": [{"sku": "x"}, "y"]}, {"no": 2, "items": []}, {"no": 3}]
    assert transform(rows, {"flatten": "items"}) == [
        {"no": 1, "sku": "x"},
        {"no": 1, "items": "y"},
    ]
    kept = transform(rows, {"flatten": {"field": "items", "keep_empty": True}})
    assert kept[2:] == [{"no": 2, "items": None}, {"no": 3, "items": None}]


def test_flatten_joins_lists_of_lists(transform: Any) -> None:
    assert transform([[1, [2]], 3], {"flatten": {}}) == [1, [2], 3]


def test_unique_keeps_the_first(transform: Any) -> None:
    assert numbers(transform(ORDERS, {"unique": ["customer"]})) == [1, 2]
    assert transform([1, 1.0, True, "1", 1], {"unique": {}}) == [1, True, "1"]


def test_limit_and_offset_cut(transform: Any) -> None:
    assert transform([1, 2, 3, 4], {"offset": 1}, {"limit": 2}) == [2, 3]
    assert transform([1, 2, 3, 4], {"limit": {"count": 2, "offset": 1}}) == [2, 3]


PEOPLE = [{"name": "Ann", "mail": "ann@example.com"}, {"name": "Ann", "mail": "a@b.c"}]


def test_join_adds_the_fields_of_every_match(transform: Any) -> None:
    join = {"with": PEOPLE, "on": {"customer": "name"}, "prefix": "p_"}
    joined = transform(ORDERS[:2], {"join": join}, {"pick": ["no", "p_mail"]})
    assert joined == [
        {"no": 1, "p_mail": "ann@example.com"},
        {"no": 1, "p_mail": "a@b.c"},
    ]


def test_a_left_join_keeps_rows_without_a_match(transform: Any) -> None:
    join = {
        "with": [{"k": 1, "v": "x"}, {"k": None, "v": "y"}],
        "on": "k",
        "how": "left",
    }
    rows = [{"k": 1}, {"k": 2}, {"k": None}, {"k": "1"}]
    assert transform(rows, {"join": join}) == [
        {"k": 1, "v": "x"},
        {"k": 2, "v": None},
        {"k": None, "v": None},
        {"k": "1", "v": None},
    ]


def test_jmespath_queries_the_whole(transform: Any) -> None:
    assert transform({"a": [{"b": 1}]}, {"jmespath": "a[].b | sum(@)"}) == 1


def test_the_data_given_stays_as_it_is(transform: Any) -> None:
    rows = [{"a": 1, "items": [1]}]
    operations = [
        {"compute": {"fields": {"a": "2"}}},
        {"rename": {"fields": {"a": "b"}}},
    ]
    transform(rows, *operations, {"sort": "b"}, {"flatten": "items"})
    assert rows == [{"a": 1, "items": [1]}]


@pytest.mark.parametrize(
    ("data", "operation", "text"),
    [
        ("text", {"sort": "a"}, r"operations\[0\].sort: the data must be a list"),
        ([1], {"drop": "a"}, "Row 0 has no fields"),
        (
            [{"a": "x"}],
            {"aggregate": {"fields": {"s": {"op": "sum", "field": "a"}}}},
            "'x'",
        ),
        ([{"a": 1, "b": 2}], {"rename": {"fields": {"a": "b"}}}, "one name"),
        ([{}], {"compute": {"fields": {"a": "row.missing"}}}, "missing"),
        ([{"a": "x"}], {"map": {"fields": {"b": "abs(a)"}}}, "jmespath"),
        ([{"a": "9" * 9}], {"compute": {"fields": {"b": "'x' * 10 ** 9"}}}, "compute"),
    ],
)
def test_says_which_operation_fails_and_why(
    transform: Any, data: Any, operation: Any, text: str
) -> None:
    with pytest.raises(PermanentFailure, match=text):
        transform(data, operation)


def test_a_join_that_multiplies_rows_is_bounded(transform: Any) -> None:
    rows = [{"k": 1}] * 2000
    with pytest.raises(PermanentFailure) as caught:
        transform(rows, {"join": {"with": rows, "on": "k"}})
    assert caught.value.code == "too_many_rows"


def test_a_flatten_that_multiplies_cells_is_bounded(transform: Any) -> None:
    row = {f"c{n}": n for n in range(1000)} | {"items": [0] * 100_000}
    with pytest.raises(PermanentFailure) as caught:
        transform([row], {"flatten": "items"})
    assert caught.value.code == "too_many_rows"


@pytest.mark.parametrize(
    "query",
    [
        " | ".join(["[@, @][]"] * 40),
        " | ".join(["[@, @]"] * 40) + " | to_string(@)",
        " | ".join(["join('', [@, @])"] * 40),
    ],
)
def test_a_query_that_doubles_again_and_again_is_bounded(
    transform: Any, query: str
) -> None:
    with pytest.raises((PermanentFailure, ValidationError)):
        transform("xx", {"jmespath": query})


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"sort": "a", "limit": 1},
        {"shuffle": {}},
        {"filter": {}},
        {"filter": {"where": [{"field": "a", "op": "like", "value": "x"}]}},
        {"filter": {"where": [{"field": "a", "op": "in", "value": "x"}]}},
        {"filter": {"where": [{"field": "a", "op": "matches", "value": "("}]}},
        {"filter": {"if": "row.("}},
        {"map": {"fields": {"a": "b["}}},
        {"map": {"fields": {}}},
        {"limit": -1},
        {"limit": True},
        {"aggregate": {"fields": {"a": {"op": "sum"}}}},
        {"aggregate": {"fields": {"a": {"op": "median", "field": "a"}}}},
        {"join": {"with": [1], "on": "a"}},
        {"join": {"with": [], "on": []}},
        {"jmespath": "["},
    ],
)
def test_refuses_operations_that_make_no_sense(transform: Any, operation: Any) -> None:
    with pytest.raises(ValidationError):
        transform([], operation)
