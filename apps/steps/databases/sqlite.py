"""Asks a SQLite file; runs in a process of its own."""

import json
import sqlite3
from typing import Any
from urllib.parse import quote

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.steps.databases.answers import Answer, Question

_LARGEST_VALUE = 32 * 1024 * 1024
_HARMLESS_PRAGMAS = frozenset(
    {
        "database_list",
        "foreign_key_list",
        "foreign_keys",
        "index_info",
        "index_list",
        "table_info",
        "table_list",
        "table_xinfo",
        "user_version",
    }
)
_REFUSED = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})


def ask_sqlite(path: str, question: Question) -> JsonObject:
    """Run the query in one transaction; see `Answer.result`.

    No statement reaches any file but this one.

    Raises:
        PermanentFailure: `not_sqlite`, `read_only`, `query_failed`, `bad_parameters`
            or `too_large`.
    """
    mode = "mode=rwc" if question.is_write else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(
            f"file:{quote(path)}?{mode}", uri=True, isolation_level=None
        )
        try:
            _restrict(connection)
            return _run(connection, question)
        finally:
            connection.close()
    # In Python 3.11, two statements in one text are a Warning.
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
        raise _failure(error) from error


def _restrict(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    connection.set_authorizer(_authorize)


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action in _REFUSED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and str(first).lower() not in _HARMLESS_PRAGMAS:
        return sqlite3.SQLITE_DENY
    is_call = action == sqlite3.SQLITE_FUNCTION
    if is_call and str(second).lower() in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _run(connection: sqlite3.Connection, question: Question) -> JsonObject:
    answer = Answer(question.max_rows)
    if question.is_write:
        connection.execute("BEGIN IMMEDIATE")
    for given in question.sets:
        cursor = connection.execute(question.query, _adapted(given))
        if cursor.description is not None:
            if not answer.columns:
                answer.name(column[0] for column in cursor.description)
            for row in cursor:
                # What changes rows has to run to its end.
                if not answer.add(row) and not question.is_write:
                    break
        answer.affected += max(0, cursor.rowcount)
    if question.is_write:
        connection.execute("COMMIT")
    return answer.result()


def _adapted(given: Any) -> Any:
    if isinstance(given, dict):
        return {name: _parameter(value) for name, value in given.items()}
    return [_parameter(value) for value in given]


def _parameter(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def _failure(error: Exception) -> PermanentFailure:
    words = " ".join(str(error).split())[:500].rstrip(".")
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_READONLY"):
        message = f"{words}. Give `mode: write` for what changes something."
        return PermanentFailure(message, code="read_only")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_CANTOPEN")):
        message = f"The file is no usable SQLite database: {words}."
        return PermanentFailure(message, code="not_sqlite")
    if name.startswith("SQLITE_FULL") or name.startswith("SQLITE_IOERR"):
        message = f"The database would become too large: {words}."
        return PermanentFailure(message, code="too_large")
    is_about_query = isinstance(error, sqlite3.Error | sqlite3.Warning) and name
    code = "query_failed" if is_about_query else "bad_parameters"
    return PermanentFailure(f"The database says: {words}.", code=code)
