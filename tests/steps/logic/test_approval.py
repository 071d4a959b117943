from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.egress import Policy
from apps.core.errors import PermanentFailure
from apps.core.mail import Mailer
from apps.steps.context import StepContext, Waiting
from apps.steps.logic.approval import Approval, ApprovalParams
from apps.steps.signals import Park
from tests import mail_server
from tests.fixtures_steps import ContextMaker, MemoryWaits, StepRunner
from tests.mail_server import MailServer

ASK = {"message": "Pay the invoice?\nIt is large.", "notify": False}
AT = datetime(2026, 5, 1, 8, tzinfo=UTC)
LINKS = {
    "ann@example.com": "https://rpa.example/approve/a",
    "bob@example.com": "https://rpa.example/approve/b",
}


@pytest.fixture
def waits() -> MemoryWaits:
    return MemoryWaits()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as running:
        yield running


def mailer(port: int) -> Mailer:
    return Mailer(
        host="127.0.0.1" if port else "",
        port=port,
        tls="none",
        sender="RPA <rpa@example.com>",
        policy=Policy(),
    )


def answered(decision: str, reason: str = "") -> Waiting:
    answer = {"decision": decision, "reason": reason, "by": "ann@example.com"}
    return Waiting("wait-1", answer=answer, answered_at=AT)


def notified(run_step: StepRunner, ctx: StepContext) -> Park:
    with pytest.raises(Park) as caught:
        run_step("approval", ASK | {"notify": True}, ctx)
    return caught.value


def test_asks_and_parks(run_step: StepRunner, waits: MemoryWaits) -> None:
    with pytest.raises(Park) as caught:
        run_step("approval", ASK | {"approvers": "admin, Ann@Example.com"}, waits=waits)
    assert caught.value.reason == "approval: Pay the invoice?"
    assert (caught.value.due_at, caught.value.may_wake) == (None, True)
    request = {
        "title": "Pay the invoice?",
        "message": ASK["message"],
        "approvers": ["admin", "ann@example.com"],
        "allow_own": True,
    }
    assert waits.opened == [("approval", request, "step", 1, None)]


def test_parks_until_its_time_is_over(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = Waiting("wait-1", expires_at=AT)
    with pytest.raises(Park) as caught:
        run_step("approval", ASK | {"timeout": "1d"}, waits=waits)
    assert caught.value.due_at == AT
    assert waits.opened[0][-1] == timedelta(days=1)


def test_hands_on_who_approved(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = answered("approved", "fine")
    assert run_step("approval", ASK, waits=waits) == {
        "decision": "approved",
        "reason": "fine",
        "by": "ann@example.com",
        "decided_at": AT.isoformat(),
    }


def test_fails_when_denied(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = answered("denied", "too much")
    with pytest.raises(PermanentFailure, match=r"denied it: too much") as caught:
        run_step("approval", ASK, waits=waits)
    assert caught.value.code == "approval_denied"


def test_goes_on_when_denied_if_told_so(
    run_step: StepRunner, waits: MemoryWaits
) -> None:
    waits.now = answered("denied")
    output = run_step("approval", ASK | {"on_deny": "continue"}, waits=waits)
    assert output["decision"] == "denied"


def test_fails_when_nobody_decided(run_step: StepRunner, waits: MemoryWaits) -> None:
    waits.now = Waiting("wait-1", expires_at=AT, is_over=True)
    with pytest.raises(PermanentFailure, match="in time") as caught:
        run_step("approval", ASK, waits=waits)
    assert caught.value.code == "approval_timeout"


def test_goes_on_when_nobody_decided_if_told_so(
    run_step: StepRunner, waits: MemoryWaits
) -> None:
    waits.now = Waiting("wait-1", expires_at=AT, is_over=True)
    output = run_step("approval", ASK | {"on_timeout": "continue"}, waits=waits)
    assert (output["decision"], output["by"]) == ("timeout", None)


def test_mails_each_approver_a_link_of_their_own(
    run_step: StepRunner,
    step_ctx: ContextMaker,
    waits: MemoryWaits,
    server: MailServer,
) -> None:
    waits.links = LINKS
    ctx = step_ctx(waits=waits, mail=mailer(server.port))
    notified(run_step, ctx)
    assert [mail.recipients for mail in server.mails] == [[one] for one in LINKS]
    for mail, link in zip(server.mails, LINKS.values(), strict=True):
        text = mail.message.get_content()
        assert link in text
        assert "It is large." in text
        assert mail.message["Subject"] == "Approval needed: Pay the invoice?"
    assert (waits.told_count, ctx.warnings) == (1, [])


def test_mails_nobody_twice(
    run_step: StepRunner, step_ctx: ContextMaker, waits: MemoryWaits
) -> None:
    notified(run_step, step_ctx(waits=waits))
    assert waits.told_count == 0


def test_a_refused_mail_is_a_warning_and_the_others_are_sent(
    run_step: StepRunner,
    step_ctx: ContextMaker,
    waits: MemoryWaits,
    server: MailServer,
) -> None:
    waits.links = LINKS
    server.refuses["ann@example.com"] = "550 unknown"
    ctx = step_ctx(waits=waits, mail=mailer(server.port))
    notified(run_step, ctx)
    assert [mail.recipients for mail in server.mails] == [["bob@example.com"]]
    assert "550 unknown" in ctx.warnings[0]


def test_no_mail_server_is_a_warning(
    run_step: StepRunner, step_ctx: ContextMaker, waits: MemoryWaits
) -> None:
    waits.links = LINKS
    ctx = step_ctx(waits=waits, mail=mailer(0))
    notified(run_step, ctx)
    assert "No mail can be sent" in ctx.warnings[0]
    assert len(ctx.warnings) == 2


def test_says_whom_it_would_ask() -> None:
    params = ApprovalParams(message="?", approvers=["admin"])
    assert Approval().summary(params) == "ask admin for approval"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"message": ""},
        {"approvers": ["viewer"]},
        {"approvers": ["no address"]},
        {"approvers": ["a@example.com\nBcc: b@example.com"]},
        {"approvers": [f"a{n}@example.com" for n in range(51)]},
        {"timeout": 0},
        {"timeout": "soon"},
        {"on_timeout": "retry"},
        {"on_deny": "skip"},
    ],
)
def test_refuses_what_nobody_could_decide(
    run_step: StepRunner, params: dict[str, Any]
) -> None:
    given = {"message": "Pay?"} | params if params else {}
    with pytest.raises(ValidationError):
        run_step("approval", given)
