from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import Waiting
from apps.steps.signals import Park
from tests.fixtures_steps import MemoryWaits, StepRunner

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)
NAME = "wait_for_webhook"


@pytest.fixture
def waits() -> MemoryWaits:
    return MemoryWaits()


def test_opens_and_parks(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = Waiting("wait-1", expires_at=AT)
    with pytest.raises(Park) as caught:
        run_step(NAME, {"message": "the bank", "timeout": "1h"}, waits=waits)
    assert caught.value.reason == "webhook: the bank"
    assert (caught.value.due_at, caught.value.may_wake) == (AT, True)
    hour = timedelta(hours=1)
    assert waits.opened == [("call", {"message": "the bank"}, "step", 1, hour)]


def test_hands_on_what_was_sent(run_step: StepRunner, waits: MemoryWaits) -> None:
    call = {"body": {"paid": True}, "headers": {"x-a": "1"}, "query": {"q": "2"}}
    waits.now = Waiting("wait-1", answer=call, answered_at=AT)
    output = run_step(NAME, waits=waits)
    assert output == call | {"received_at": AT.isoformat()}


def test_fails_when_nothing_came(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = Waiting("wait-1", expires_at=AT, is_over=True)
    with pytest.raises(PermanentFailure, match="in time") as caught:
        run_step(NAME, waits=waits)
    assert caught.value.code == "webhook_timeout"


def test_goes_on_when_nothing_came_if_told_so(
    run_step: StepRunner, waits: MemoryWaits
) -> None:
    waits.now = Waiting("wait-1", expires_at=AT, is_over=True)
    output = run_step(NAME, {"on_timeout": "continue"}, waits=waits)
    assert output == {"body": None, "headers": {}, "query": {}, "received_at": None}


@pytest.mark.parametrize(
    "params", [{"timeout": 0}, {"timeout": "soon"}, {"on_timeout": "skip"}, {"url": ""}]
)
def test_refuses_bad_params(run_step: StepRunner, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_step(NAME, params)
