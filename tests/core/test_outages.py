"""Errors of the database that pass by themselves."""

import time

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from apps.core import outages

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_database_that_takes_no_writes_for_now_is_an_outage():
    def write_nothing() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute("UPDATE core_heartbeat SET beat_at = now()")

    with pytest.raises(InternalError) as caught:
        write_nothing()
    assert outages.is_passing(caught.value)


def test_a_session_that_slept_inside_a_transaction_may_try_again():
    def sleep_inside() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            time.sleep(0.5)
            cursor.execute("SELECT 1")

    with pytest.raises(outages.SUSPECT) as caught:
        sleep_inside()
    assert outages.is_passing(caught.value)


def test_a_mistake_of_ours_is_no_outage():
    assert not outages.is_passing(ProgrammingError("no such column"))
    assert not outages.is_passing(InternalError("cached plan must not change"))
    assert not outages.is_passing(None)


def test_nobody_holds_locks_for_ever_by_sleeping_inside_a_transaction():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("20s",)
