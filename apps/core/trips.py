"""Several statements in one round trip, as one transaction.

PostgreSQL runs statements that are sent together as one transaction, so neither
BEGIN nor COMMIT nor the setting of the scope costs a round trip of its own. For the
engine's few hot statements; all else opens a scope of `core.tenancy`.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from apps.core import tenancy


class Statement(NamedTuple):
    """One statement with its values, named or in order."""

    sql: str
    values: Mapping[str, Any] | Sequence[Any]


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
        texts = [cursor.mogrify(*tenancy.setting(scope))]
        texts += [cursor.mogrify(*statement) for statement in statements]
        cursor.execute(";".join(texts))
        return [_rows(cursor) for _ in statements if cursor.nextset()]


def _run(cursor: Any, statement: Statement) -> list[tuple[Any, ...]]:
    cursor.execute(*statement)
    return _rows(cursor)


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall()) if cursor.description else []
