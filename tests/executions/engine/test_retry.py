"""Whether and when a failed attempt is tried again."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.executions.engine.retry import pause_before_next
from apps.workflows.definition.model import Retry

FAILED = {"code": "http_503", "kind": "step", "temporary": True}


def seconds(attempt=1, error=FAILED, **retry):
    retry = {"max_attempts": 5, "delay": timedelta(seconds=2)} | retry
    pause = pause_before_next(
        Retry(**retry), attempt, error, entropy=random.Random("x")
    )
    return None if pause is None else pause.total_seconds()


def test_the_last_attempt_is_the_last():
    assert seconds(attempt=5) is None
    assert seconds(attempt=1, max_attempts=1) is None


def test_pauses_grow_by_the_factor_up_to_the_limit():
    limit = timedelta(seconds=10)
    found = [seconds(n, backoff=2, max_delay=limit) for n in range(1, 5)]
    assert found == [2, 4, 8, 10]


@pytest.mark.parametrize("backoff", [1e300, 10.0**9])
def test_a_huge_factor_stays_within_the_limit(backoff):
    found = seconds(900, backoff=backoff, max_attempts=1000)
    assert found == timedelta(hours=1).total_seconds()


def test_no_delay_is_no_pause_whatever_the_factor():
    assert seconds(900, delay=timedelta(0), backoff=1e300, max_attempts=1000) == 0


@given(st.integers(1, 60), st.floats(1, 10), st.floats(0, 1), st.integers(0, 10**6))
def test_a_pause_is_never_negative_nor_above_the_limit(attempt, backoff, jitter, seed):
    retry = Retry(
        max_attempts=100, delay=timedelta(seconds=1), backoff=backoff, jitter=jitter
    )
    pause = pause_before_next(retry, attempt, FAILED, entropy=random.Random(seed))
    assert timedelta(0) <= pause <= retry.max_delay


def test_a_server_may_ask_for_more_time_but_not_for_more_than_the_limit():
    assert seconds(error=FAILED | {"retry_after": 30}) == 30
    assert seconds(error=FAILED | {"retry_after": 1}) == 2
    assert seconds(error=FAILED | {"retry_after": 10**9}) == 3600


@pytest.mark.parametrize(
    ("on", "error", "again"),
    [
        (("any",), {"kind": "step", "code": "x"}, True),
        (("any",), {"kind": "platform", "code": "x"}, False),
        (("temporary",), FAILED, True),
        (("temporary",), {"kind": "step", "code": "x"}, False),
        (("permanent",), {"kind": "step", "code": "x"}, True),
        (("permanent",), FAILED, False),
        (("timeout",), {"kind": "timeout", "code": "timeout"}, True),
        (("temporary",), {"kind": "timeout", "code": "timeout"}, True),
        (("permanent",), {"kind": "timeout", "code": "timeout"}, False),
        (("http_503",), FAILED, True),
        (("http_500",), FAILED, False),
    ],
)
def test_only_what_the_author_named_is_tried_again(on, error, again):
    assert (seconds(error=error, on=on) is not None) is again
