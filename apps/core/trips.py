"""Several statements in one round trip, as one transaction.

PostgreSQL runs statements that are sent together as one transaction, so neither
BEGIN nor COMMIT nor the setting of the scope costs a round trip of its own. Those with
a name are prepared, since to plan them takes longer than to run them. For the
engine's few hot statements; all else opens a scope of `core.tenancy`.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import Error, connection

from apps.core import tenancy


class Statement(NamedTuple):
    """One statement with its values, named or in order.

    Attributes:
        name: under which each connection prepares it once; always of the same text,
            with named values whose types the database can tell.
    """

    sql: str
    values: Mapping[str, Any] | Sequence[Any]
    name: str = ""


def one_trip(
    *statements: Statement, organization_id: uuid.UUID | None
) -> list[list[tuple[Any, ...]]]:
    """Run the statements; gives the rows of each, none for one that has none.

    They see the rows of one organization, or with None of all, as in
    `tenancy.system()`: each such use is listed in docs/architecture.md too. When one
    fails, none has been done. Inside an open transaction they are a part of it.
    """
    scope = tenancy.scope_of(organization_id)
    if tenancy.is_open(scope):
        with connection.cursor() as cursor:
            return [_run(cursor, statement) for statement in statements]
    if connection.in_atomic_block:
        with tenancy.scoped(scope), connection.cursor() as cursor:
            return [_run(cursor, statement) for statement in statements]
    with connection.cursor() as cursor:
        try:
            return _together(cursor, scope, [_prepared(cursor, s) for s in statements])
        except Error as error:
            if getattr(error.__cause__, "sqlstate", None) != _NOT_PREPARED:
                raise
        # A proxy between us and the database gave us another session of it.
        return _together(cursor, scope, statements)


def run(statement: Statement) -> list[tuple[Any, ...]]:
    """Run one statement in the open transaction; gives its rows."""
    with connection.cursor() as cursor:
        return _run(cursor, statement)


def _together(
    cursor: Any, scope: tenancy.Scope, statements: Sequence[Statement]
) -> list[list[tuple[Any, ...]]]:
    texts = [cursor.mogrify(*tenancy.setting(scope))]
    texts += [cursor.mogrify(sql, values) for sql, values, _ in statements]
    cursor.execute(";".join(texts))
    return [_rows(cursor) for _ in statements if cursor.nextset()]


# What the database says of a name that its session does not know.
_NOT_PREPARED = "26000"
_VALUE = re.compile(r"%\((\w+)\)s|%%")


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text with `$1`, `$2` in place of named values, and their names in order."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    text = _VALUE.sub(number, sql)
    return text, tuple(names)


def _prepared(cursor: Any, statement: Statement) -> Statement:
    """What runs the statement by its name, prepared on this connection."""
    sql, values, name = statement
    if not name or not isinstance(values, Mapping):
        return statement
    text, names = _numbered(sql)
    known: set[str] = connection.connection.__dict__.setdefault("_rpa_prepared", set())
    if name not in known:
        cursor.execute(f"PREPARE rpa_{name} AS {text}")
        known.add(name)
    places = ", ".join(["%s"] * len(names))
    call = f"EXECUTE rpa_{name}({places})" if names else f"EXECUTE rpa_{name}"
    return Statement(call, [values[one] for one in names])


def _run(cursor: Any, statement: Statement) -> list[tuple[Any, ...]]:
    cursor.execute(statement.sql, statement.values)
    return _rows(cursor)


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall()) if cursor.description else []
