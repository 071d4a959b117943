import socket
import sqlite3
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from pydantic import ValidationError

from apps.core.egress import EgressRefused, Policy
from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.base import Effect, OnCrash
from apps.steps.context import StepContext
from apps.steps.data.database_query import DatabaseQuery, DatabaseQueryParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.raw_server import scripted
from tests.servers import TestRun

FILE = "sqlite:///data/a.db"


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def ask(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(url: str, query: str, *parameters: Any, **params: Any) -> Any:
        if parameters:
            params["parameters"] = list(parameters)
        return run_step("database_query", {"url": url, "query": query} | params, ctx)

    return run


@pytest.fixture(scope="module")
def postgres(servers: TestRun) -> Iterator[str]:
    """URL of a real database of this module's own."""
    name = f"rpa_test_{servers.run_pid}_query_{uuid4().hex[:8]}"
    owner = servers.owner_url.rpartition("/")[0]
    with psycopg.connect(f"{owner}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield f"{owner}/{name}?sslmode=disable"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def orders(ask: Any, postgres: str) -> Iterator[str]:
    ask(postgres, "CREATE TABLE orders (id int, name text)", mode="write")
    sets = [[1, "Ann"], [2, "Bob"], [3, None]]
    ask(postgres, "INSERT INTO orders VALUES (%s, %s)", each=sets, mode="write")
    yield postgres
    ask(postgres, "DROP TABLE orders", mode="write")


@pytest.fixture
def file(ask: Any) -> str:
    ask(FILE, "CREATE TABLE orders (id int, name text)", mode="write")
    sets = [[1, "Ann"], [2, "Bob"], [3, None]]
    ask(FILE, "INSERT INTO orders VALUES (?, ?)", each=sets, mode="write")
    return FILE


ROWS = [
    {"id": 1, "name": "Ann"},
    {"id": 2, "name": "Bob"},
    {"id": 3, "name": None},
]
both = pytest.mark.parametrize("database", ["orders", "file"])


@pytest.fixture
def url(request: pytest.FixtureRequest, database: str) -> str:
    found: str = request.getfixturevalue(database)
    return found


@both
def test_gives_rows_by_column(ask: Any, url: str) -> None:
    assert ask(url, "SELECT * FROM orders ORDER BY id") == {
        "rows": ROWS,
        "columns": ["id", "name"],
        "count": 3,
        "affected": 0,
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("database", "sign", "named"),
    [("orders", "%s", "%(name)s"), ("file", "?", ":name")],
)
def test_values_are_parameters(ask: Any, url: str, sign: str, named: str) -> None:
    hostile = "'; DROP TABLE orders; --"
    query = "SELECT id FROM orders WHERE name = "
    assert ask(url, query + sign, hostile)["rows"] == []
    found = ask(url, query + named, parameters={"name": "Bob"})
    assert found["rows"] == [{"id": 2}]


@both
def test_changes_rows_in_one_transaction(ask: Any, url: str) -> None:
    sign = "?" if url == FILE else "%s"
    query = f"DELETE FROM orders WHERE id = {sign}"
    assert ask(url, query, each=[[1], [2], [9]], mode="write")["affected"] == 2
    assert ask(url, "SELECT id FROM orders")["rows"] == [{"id": 3}]


@both
def test_one_that_fails_undoes_those_before_it(ask: Any, url: str) -> None:
    sign = "?" if url == FILE else "CAST(%s AS int)"
    query = f"UPDATE orders SET id = abs({sign}) + 10"
    with pytest.raises(PermanentFailure):
        ask(url, query, each=[[1], [-(2**63)]], mode="write")
    assert ask(url, "SELECT id FROM orders ORDER BY id")["rows"][0] == {"id": 1}


@both
def test_gives_what_a_change_returns(ask: Any, url: str) -> None:
    query = "UPDATE orders SET name = 'x' RETURNING id"
    output = ask(url, query, mode="write", max_rows=2)
    assert (output["count"], output["affected"]) == (2, 3)
    changed = ask(url, "SELECT DISTINCT name FROM orders")["rows"]
    assert changed == [{"name": "x"}]


@both
def test_reading_can_change_nothing(ask: Any, url: str) -> None:
    with pytest.raises(PermanentFailure, match="mode: write") as caught:
        ask(url, "DELETE FROM orders")
    assert caught.value.code == "read_only"


@both
def test_takes_one_statement_only(ask: Any, url: str) -> None:
    for mode in ("read", "write"):
        with pytest.raises(PermanentFailure) as caught:
            ask(url, "SELECT 1; DROP TABLE orders", mode=mode)
        assert caught.value.code in ("query_failed", "bad_parameters")
    assert ask(url, "SELECT id FROM orders")["count"] == 3


@both
def test_keeps_no_more_rows_than_wanted(ask: Any, url: str, ctx: StepContext) -> None:
    output = ask(url, "SELECT id FROM orders ORDER BY id", max_rows=2)
    assert (output["count"], output["truncated"]) == (2, True)
    assert ctx.warnings == ["Only 2 rows were kept."]


@pytest.mark.parametrize(
    ("database", "query"),
    [
        ("orders", "SELECT generate_series(1, 1000000000)"),
        (
            "file",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT i FROM n",
        ),
    ],
)
def test_an_endless_answer_is_left_at_once(ask: Any, url: str, query: str) -> None:
    assert ask(url, query, max_rows=3)["count"] == 3


@both
def test_columns_always_have_a_name_of_their_own(
    ask: Any, url: str, ctx: StepContext
) -> None:
    assert ask(url, "SELECT 1 AS a, 2 AS a")["rows"] == [{"a": 1, "a_2": 2}]
    assert ctx.warnings == ["A second column 'a' is called 'a_2'."]


@both
def test_refuses_rows_that_are_too_large(ask: Any, url: str) -> None:
    large = "hex(zeroblob(9000000))" if url == FILE else "repeat('x', 18000000)"
    with pytest.raises(PermanentFailure) as caught:
        ask(url, f"SELECT {large} AS x")
    assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    ("database", "query", "parameters", "code"),
    [
        ("orders", "SELECT nothing FROM orders", [], "query_failed"),
        ("orders", "SELECT %s", [], "bad_parameters"),
        ("orders", "SELECT %s, %(a)s", [1], "bad_parameters"),
        ("orders", "SELECT %s::text", ["a\0"], "bad_parameters"),
        ("orders", "SELECT 1/0", [], "query_failed"),
        ("orders", "COPY orders TO STDOUT", [], "bad_parameters"),
        ("file", "SELECT nothing FROM orders", [], "query_failed"),
        ("file", "SELECT ?", [], "bad_parameters"),
        ("file", "SELECT ?", [2**70], "bad_parameters"),
        ("file", "ATTACH DATABASE '/etc/passwd' AS x", [], "query_failed"),
        ("file", "VACUUM INTO '/tmp/stolen'", [], "query_failed"),
        ("file", "PRAGMA writable_schema = ON", [], "query_failed"),
        ("file", "SELECT load_extension('x')", [], "query_failed"),
    ],
)
def test_says_what_is_wrong_with_a_query(
    ask: Any, url: str, query: str, parameters: Any, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        ask(url, query, parameters=parameters)
    assert caught.value.code == code


def test_values_of_postgresql_are_json(ask: Any, postgres: str) -> None:
    query = (
        "SELECT 12.50::numeric a, 12345678901234567890.123::numeric b, 3::numeric c,"
        " '2026-01-02'::date d, '2026-01-02 03:04Z'::timestamptz AT TIME ZONE 'UTC' e,"
        " '1 day 1 second'::interval f, 'NaN'::float g, '\\x00ff'::bytea h,"
        " '{\"a\": [1.5, null]}'::jsonb i, ARRAY[1, 2] j, true k,"
        " '00000000-0000-0000-0000-000000000001'::uuid l, 'Infinity'::numeric m"
    )
    assert list(ask(postgres, query)["rows"][0].values()) == [
        12.5,
        "12345678901234567890.123",
        3,
        "2026-01-02",
        "2026-01-02T03:04:00",
        86401.0,
        "nan",
        "AP8=",
        {"a": [1.5, None]},
        [1, 2],
        True,
        "00000000-0000-0000-0000-000000000001",
        "Infinity",
    ]
    assert Decimal("12.5") == Decimal(repr(12.5))


def test_mappings_and_lists_as_parameters(ask: Any, postgres: str) -> None:
    query = "SELECT %s::jsonb a, %s::jsonb b, 2 = ANY(%s) c"
    found = ask(postgres, query, {"x": 1}, [{"y": 2}], [1, 2])["rows"]
    assert found == [{"a": {"x": 1}, "b": [{"y": 2}], "c": True}]


def test_values_of_sqlite_are_json(ask: Any, file: str) -> None:
    query = "SELECT x'00ff' AS a, 1.5 AS b, ? AS c, cast(x'ff41' AS text) AS d"
    found = ask(file, query, {"x": [1]})["rows"]
    assert found == [{"a": "AP8=", "b": 1.5, "c": '{"x": [1]}', "d": "\ufffdA"}]


def test_a_slow_query_is_ended(ask: Any, postgres: str) -> None:
    begin = time.monotonic()
    with pytest.raises(TemporaryFailure) as caught:
        ask(postgres, "SELECT pg_sleep(60)", timeout="300ms")
    assert caught.value.code == "timeout"
    assert time.monotonic() - begin < 10


def test_refuses_addresses_that_are_not_public(
    run_step: StepRunner, step_ctx: ContextMaker, postgres: str
) -> None:
    with pytest.raises(EgressRefused):
        run_step(
            "database_query",
            {"url": postgres, "query": "SELECT 1"},
            step_ctx(policy=Policy()),
        )


def test_connects_to_the_address_that_was_checked(
    run_step: StepRunner,
    step_ctx: ContextMaker,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that only this process resolves shows that nobody asks a second time."""
    port = urlsplit(postgres).port
    real = socket.getaddrinfo

    def answer(host: str, *more: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "db.example" else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    output = run_step(
        "database_query",
        {
            "url": postgres.replace("127.0.0.1", "db.example"),
            "query": "SELECT inet_server_addr()::text AS a",
        },
        step_ctx(policy=Policy(allow=(f"db.example:{port}",))),
    )
    assert output["rows"] == [{"a": "127.0.0.1/32"}]


def test_a_wrong_password_is_permanent(ask: Any, postgres: str) -> None:
    parts = urlsplit(postgres)
    url = postgres.replace(f":{parts.password}@", ":wrong-password@")
    with pytest.raises(PermanentFailure) as caught:
        ask(url, "SELECT 1")
    assert caught.value.code == "login_failed"
    assert "wrong-password" not in str(caught.value)


def test_a_database_that_is_not_there(ask: Any, postgres: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        ask(postgres.replace("?", "_no?"), "SELECT 1")
    assert caught.value.code == "login_failed"


def test_tls_that_the_server_does_not_have(ask: Any, postgres: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        ask(postgres.replace("=disable", "=require"), "SELECT 1")
    assert caught.value.code == "tls_failed"


def test_a_server_that_is_none_is_temporary(ask: Any) -> None:
    with (
        scripted(lambda sock: sock.sendall(b"HTTP/1.1 400 no\r\n\r\n")) as server,
        pytest.raises(TemporaryFailure) as caught,
    ):
        ask(f"postgresql://a:b@127.0.0.1:{server.port}/c", "SELECT 1")
    assert caught.value.code == "connection_failed"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no database at all" * 100, "not_sqlite"),
        (b"SQLite format 3\0" + bytes(5000), "not_sqlite"),
    ],
)
def test_a_file_that_is_no_database(
    ask: Any, ctx: StepContext, content: bytes, code: str
) -> None:
    ctx.files.write_bytes("data/a.db", content)
    with pytest.raises(PermanentFailure) as caught:
        ask(FILE, "SELECT * FROM sqlite_master")
    assert caught.value.code == code


def test_a_file_that_is_not_there(ask: Any, ctx: StepContext) -> None:
    with pytest.raises(PermanentFailure) as caught:
        ask(FILE, "SELECT 1")
    assert caught.value.code == "file_not_found"
    with pytest.raises(PermanentFailure):
        ask(FILE, "CREATE nonsense", mode="write")
    assert not ctx.files.exists("data/a.db")


def test_a_change_that_fails_leaves_the_file_alone(
    ask: Any, ctx: StepContext, file: str
) -> None:
    before = ctx.files.read_bytes("data/a.db")
    with pytest.raises(PermanentFailure):
        ask(file, "INSERT INTO nothing VALUES (1)", mode="write")
    assert ctx.files.read_bytes("data/a.db") == before


def test_a_file_that_another_program_reads(
    ask: Any, ctx: StepContext, file: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(ctx.files.read_bytes("data/a.db"))
    with sqlite3.connect(copy) as connection:
        found = connection.execute("SELECT count(*) FROM orders").fetchall()
    connection.close()
    assert found == [(3,)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://a:b@host/c",
        "postgresql://host/c",
        "postgresql://a:b@/c",
        "postgresql:///c?host=/var/run",
        "postgresql://a:b@h1,h2/c",
        "postgresql://a:b@host/c?host=127.0.0.1",
        "postgresql://a:b@host/c?hostaddr=127.0.0.1",
        "postgresql://a:b@host/c?service=x",
        "postgresql://a:b@host/c?sslkey=/etc/passwd",
        "postgresql://a:b@host/c?sslmode=allow",
        "postgresql://a:b@host:99999/c",
        "postgresql://a:b%00@host/c",
        "postgresql://a:b@[host/c",
        "sqlite:///../a.db",
        "sqlite:////etc/passwd",
        "sqlite:///a.db?mode=rwc",
        "sqlite:///:memory:",
        "sqlite://host/a.db",
        "x" * 5000,
    ],
)
def test_refuses_urls_that_lead_elsewhere(ask: Any, url: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        ask(url, "SELECT 1")
    assert caught.value.code in ("bad_url", "file_not_found")


@pytest.mark.parametrize(
    "params",
    [
        {"query": ""},
        {"each": []},
        {"each": [[1]], "parameters": [1]},
        {"mode": "admin"},
        {"max_rows": 0},
        {"parameters": "x"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("database_query", {"url": FILE, "query": "SELECT 1"} | params)


def test_only_writing_is_in_doubt_after_a_crash() -> None:
    kind = DatabaseQuery()
    given = {"url": FILE, "query": "SELECT  1"}
    read = DatabaseQueryParams.model_validate(given)
    write = DatabaseQueryParams.model_validate(given | {"mode": "write"})
    assert (kind.effect_of(read), kind.effect_of(write)) == (Effect.READ, Effect.WRITE)
    assert (kind.is_keyed(write), kind.on_crash) == (False, OnCrash.FAIL)
    assert kind.summary(read) == "run 'SELECT 1'"
    assert "sqlite" not in repr(read)
