"""Answers are sorted into success, "later may work" and "cannot work"."""

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.http import Response, raise_for_outcome
from apps.core.http.outcome import retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = "https://hooks.test/secret?key=secret"
    return Response(status, CaseInsensitiveDict(named), b"", url, 1)


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_success_passes(status: int) -> None:
    raise_for_outcome(answer(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_what_may_work_later(status: int) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        raise_for_outcome(answer(status, Retry_After="7"))
    assert caught.value.code == f"http_{status}"
    assert caught.value.details == {"status": status, "retry_after": 7.0}


@pytest.mark.parametrize("status", [400, 401, 404, 410, 499, 600, 999])
def test_what_cannot_work(status: int) -> None:
    with pytest.raises(PermanentFailure) as caught:
        raise_for_outcome(answer(status))
    assert caught.value.code == f"http_{status}"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("999999999999", 86400.0),
        ("9" * 10_000, 86400.0),
        ("1e12", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("\u0665", None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 00:01:00", 60.0),
        ("Thu, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("Fri, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_the_pause_a_server_asks_for_is_bounded(
    value: str, seconds: float | None
) -> None:
    assert retry_after({"Retry-After": value}, NOW) == seconds
