"""Asks a PostgreSQL server; runs in a process of its own."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.databases.answers import Answer, Question
from apps.steps.databases.urls import PostgresUrl

_MOST_WORDS = 500
# Classes of SQLSTATE that say: another time it may work.
_LATER = ("08", "40", "53", "55", "57", "58")
_SIGN_IN = ("password authentication failed", "no pg_hba.conf entry", "role ")


def ask_postgres(
    url: PostgresUrl,
    addresses: Sequence[str],
    roots: str,
    question: Question,
    connect_s: int,
) -> JsonObject:
    """Run the query in one transaction; see `Answer.result`.

    Args:
        addresses: the host's, which were checked; no others are connected to.
        roots: path of the file with trusted certificates, for `verify-full`.

    Raises:
        TemporaryFailure: `connection_failed`, `timeout`, `query_failed`.
        PermanentFailure: `login_failed`, `tls_failed`, `read_only`, `query_failed`,
            `bad_parameters`, `too_large`, or `outcome_unknown` when the connection
            broke while the transaction was being committed.
    """
    with _connected(url, addresses, roots, connect_s) as connection:
        connection.read_only = not question.is_write
        answer = Answer(question.max_rows)
        try:
            _run(connection, question, answer)
            if not question.is_write:
                connection.rollback()
        except psycopg.Error as error:
            raise _failure(error) from error
        if question.is_write:
            _commit(connection)
    return answer.result()


def _connected(
    url: PostgresUrl, addresses: Sequence[str], roots: str, connect_s: int
) -> "psycopg.Connection[Any]":
    count = len(addresses)
    try:
        return psycopg.connect(
            # The name is for certificates; the connection goes to the address.
            host=",".join([url.host] * count),
            hostaddr=",".join(addresses),
            port=url.port,
            user=url.user,
            password=url.password,
            dbname=url.database,
            sslmode=url.sslmode,
            sslrootcert=roots,
            sslcertmode="disable",
            gssencmode="disable",
            passfile="/dev/null",
            client_encoding="utf8",
            application_name="rpa-platform",
            connect_timeout=connect_s,
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise _not_connected(error) from error


def _run(
    connection: "psycopg.Connection[Any]", question: Question, answer: Answer
) -> None:
    with connection.cursor() as cursor:
        limit = str(max(1, int(question.timeout_s * 1000)))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
        for given in question.sets:
            parameters = _adapted(given)
            if question.is_write:
                _change(cursor, question.query, parameters, answer)
            else:
                _read(cursor, question.query, parameters, answer)


def _read(cursor: Any, query: str, parameters: Any, answer: Answer) -> None:
    """Row by row, so that what is not wanted is never held."""
    try:
        for row in cursor.stream(query, parameters):
            if not answer.columns:
                answer.name(column.name for column in cursor.description)
            if not answer.add(row):
                return
    except psycopg.ProgrammingError as error:
        # A statement without rows, such as SET, is none to the library's `stream`.
        if error.sqlstate is not None or "produce a result" not in str(error):
            raise


def _change(cursor: Any, query: str, parameters: Any, answer: Answer) -> None:
    # In a pipeline, the server refuses a text with two statements, parameters or none.
    with cursor.connection.pipeline():
        cursor.execute(query, parameters)
    answer.affected += max(0, cursor.rowcount)
    if cursor.description is None:
        return
    if not answer.columns:
        answer.name(column.name for column in cursor.description)
    for row in cursor:
        if not answer.add(row):
            return


def _adapted(given: Any) -> Any:
    if isinstance(given, dict):
        return {name: _parameter(value) for name, value in given.items()}
    return [_parameter(value) for value in given]


def _parameter(value: Any) -> Any:
    """Mappings, and lists with mappings or lists in them, are JSON; others arrays."""
    is_nested = isinstance(value, list) and any(
        isinstance(one, dict | list) for one in value
    )
    return Jsonb(value) if isinstance(value, dict) or is_nested else value


def _commit(connection: "psycopg.Connection[Any]") -> None:
    try:
        connection.commit()
    except psycopg.OperationalError as error:
        if error.sqlstate is not None:
            raise _failure(error) from error
        raise PermanentFailure(
            "The connection broke while the changes were being committed: they may or "
            "may not have been made.",
            code="outcome_unknown",
        ) from error
    except psycopg.Error as error:
        raise _failure(error) from error


def _not_connected(error: psycopg.Error) -> RpaError:
    words = _words(error)
    if any(sign in words for sign in _SIGN_IN):
        return PermanentFailure(f"The database says: {words}", code="login_failed")
    if "certificate" in words or "does not support SSL" in words:
        return PermanentFailure(f"The database says: {words}", code="tls_failed")
    if "database " in words and "does not exist" in words:
        return PermanentFailure(f"The database says: {words}", code="login_failed")
    code = "timeout" if "timeout" in words else "connection_failed"
    return TemporaryFailure(f"No connection to the database: {words}", code=code)


def _failure(error: psycopg.Error) -> RpaError:
    state, words = error.sqlstate, _words(error)
    if state is None and isinstance(error, psycopg.OperationalError):
        message = f"The connection to the database broke: {words}"
        return TemporaryFailure(message, code="connection_failed")
    if state is None:
        message = f"The query and its parameters do not fit: {words}"
        return PermanentFailure(message, code="bad_parameters")
    if state == "25006":
        return PermanentFailure(
            f"{words} Give `mode: write` for what changes something.", code="read_only"
        )
    if state == "57014":
        message = "The query took longer than its `timeout`."
        return TemporaryFailure(message, code="timeout")
    kind = TemporaryFailure if state.startswith(_LATER) else PermanentFailure
    return kind(f"The database says: {words}", code="query_failed", sqlstate=state)


def _words(error: psycopg.Error) -> str:
    """The server's own message; without its detail, which may quote whole rows."""
    text = error.diag.message_primary or str(error)
    return " ".join(text.split())[:_MOST_WORDS].rstrip(".") + "."
