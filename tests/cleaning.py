"""Empties the database after a test that commits.

Django truncates every table and makes its permissions anew, which takes longer than
most tests, and wants locks that processes of the test may hold. Here the rows that
are there are deleted, all in one statement: so no order of tables is needed.
"""

import time

from django.apps import apps
from django.db import IntegrityError, OperationalError, connection
from django.test import TransactionTestCase

from apps.core import tenancy

# What migrations put in, once.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
# With more, to truncate is quicker.
_MANY = 5_000
_TRIES = 5
_truncate = TransactionTestCase._fixture_teardown


def install() -> None:
    """Let tests that commit be cleaned up after in this way."""
    TransactionTestCase._fixture_teardown = _clean_up


def _clean_up(case: TransactionTestCase) -> None:
    for _ in range(_TRIES):
        try:
            is_done = _delete()
        except (OperationalError, IntegrityError):
            # A process of the test was at work on the same rows.
            time.sleep(0.1)
        else:
            if is_done:
                return
            break
    _truncate(case)


def _delete() -> bool:
    """Delete all rows; False: there are very many."""
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_counting())
        counts = {table: count for table, count in cursor.fetchall() if count}
        if sum(counts.values()) > _MANY:
            return False
        if counts:
            parts = (f"d{at} AS (DELETE FROM {one})" for at, one in enumerate(counts))
            cursor.execute(f"WITH {', '.join(parts)} SELECT")
    return True


def _counting() -> str:
    tables = sorted(
        {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
        - _KEPT
    )
    return " UNION ALL ".join(
        f"SELECT '{one}', count(*) FROM (SELECT FROM {one} LIMIT {_MANY}) rows"
        for one in tables
    )
