"""The database that each test process gets."""

import os

import pytest
from django.db import connection


@pytest.mark.django_db
def test_tests_sign_in_as_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        user, database = cursor.fetchone()
    assert user == "rpa_app"
    assert database.endswith(os.environ.get("PYTEST_XDIST_WORKER", "main"))


@pytest.mark.django_db(transaction=True)
def test_transactional_tests_can_clean_up() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        assert cursor.fetchone()[0] > 0
