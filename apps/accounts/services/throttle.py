"""Counting wrong passwords, exactly, also when they are tried in parallel."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.errors import TooManyAttempts
from apps.accounts.models import SignInFailures

LIMIT, WINDOW = 5, timedelta(minutes=15)
_KEPT = timedelta(days=1)


@dataclass
class Attempt:
    """One try; counted unless it is told to have succeeded."""

    has_succeeded: bool = False


def _refuse_when_full(row: SignInFailures | None) -> None:
    now = timezone.now()
    if row is None or row.failures < LIMIT or row.since + WINDOW <= now:
        return
    wait = row.since + WINDOW - now
    raise TooManyAttempts(
        "Too many failed sign-ins. Try again later.",
        retry_after_s=max(1, round(wait.total_seconds())),
    )


@contextmanager
def attempt(email: str, address: str | None) -> Iterator[Attempt]:
    """Hold the lock of this e-mail and address while a password is checked.

    Tries for one pair go one after the other, so no sixth is ever checked. The
    count is kept when the block ends without an error.

    Raises:
        TooManyAttempts: five failed in the last fifteen minutes.
    """
    key = hashlib.sha256(f"{address}|{email}".encode(errors="replace")).hexdigest()
    _refuse_when_full(SignInFailures.objects.filter(key=key).first())
    with transaction.atomic():
        row = _locked(key)
        _refuse_when_full(row)
        made = Attempt()
        yield made
        if made.has_succeeded:
            SignInFailures.objects.filter(key=key).delete()
        else:
            _count(row)


def _locked(key: str) -> SignInFailures:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        # An update that changes nothing: it makes the row or waits for its lock,
        # also against a success that deletes the row meanwhile.
        cursor.execute(
            "INSERT INTO accounts_signinfailures (key, failures, since) "
            "VALUES (%s, 0, now()) ON CONFLICT (key) "
            "DO UPDATE SET failures = accounts_signinfailures.failures",
            [key],
        )
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return SignInFailures.objects.get(key=key)


def _count(row: SignInFailures) -> None:
    now = timezone.now()
    same = SignInFailures.objects.filter(key=row.key)
    if row.failures and row.since + WINDOW > now:
        same.update(failures=F("failures") + 1)
        return
    same.update(failures=1, since=now)
    SignInFailures.objects.filter(since__lt=now - _KEPT).delete()
