"""Statements sent together: one transaction, prepared where they have names."""

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, connection

from apps.core import tenancy
from apps.core.trips import Statement, one_trip, run

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "SELECT %(a)s::int + %(b)s::int + %(a)s::int, '100%%'"


def test_each_statement_gives_its_rows():
    found = one_trip(
        Statement("SELECT %s::int, %s", [1, "ä'\\"]),
        Statement("SELECT 1 WHERE false", []),
        Statement(ADD, {"a": 2, "b": 3}, "test_add"),
        organization_id=None,
    )
    assert found == [[(1, "ä'\\")], [], [(7, "100%")]]


def test_a_named_one_is_prepared_once_and_gives_the_same_each_time():
    for a in range(8):
        statement = Statement(ADD, {"a": a, "b": 1}, "test_add")
        assert one_trip(statement, organization_id=None) == [[(2 * a + 1, "100%")]]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE name = %s",
            ["rpa_test_add"],
        )
        assert cursor.fetchone() == (1,)


def test_a_session_that_does_not_know_the_name_is_no_error():
    statement = Statement(ADD, {"a": 1, "b": 1}, "test_add")
    one_trip(statement, organization_id=None)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert one_trip(statement, organization_id=None) == [[(3, "100%")]]


def test_when_one_fails_none_is_done(alice):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE trips_test (n int)")
    with pytest.raises(DataError):
        one_trip(
            Statement("INSERT INTO trips_test VALUES (1)", []),
            Statement("SELECT 1 / %(n)s::int", {"n": 0}, "test_divide"),
            organization_id=None,
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM trips_test")
        assert cursor.fetchone() == (0,)


def test_the_scope_ends_with_the_trip(alice):
    look = Statement("SELECT current_setting('rpa.organization', true)", [])
    organization_id = alice.organization_id
    assert one_trip(look, organization_id=organization_id) == [
        [(str(organization_id),)]
    ]
    with connection.cursor() as cursor:
        cursor.execute(*look[:2])
        assert cursor.fetchone()[0] in ("", None)


def test_inside_a_transaction_it_is_a_part_of_it(alice):
    with tenancy.tenant(alice.organization_id):
        assert run(Statement("SELECT %(a)s::int", {"a": 5}, "test_same")) == [(5,)]
        found = one_trip(
            Statement("SELECT %(a)s::int", {"a": 6}, "test_same"),
            organization_id=alice.organization_id,
        )
    assert found == [[(6,)]]


def test_another_connection_prepares_for_itself():
    statement = Statement(ADD, {"a": 1, "b": 1}, "test_add")
    one_trip(statement, organization_id=None)
    with psycopg.connect(settings.DATABASE_OWNER_URL) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
        )
    connection.close()
    assert one_trip(statement, organization_id=None) == [[(3, "100%")]]
