"""Step type `approval`: go on only when somebody has said yes."""

from datetime import timedelta
from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from apps.core.errors import PermanentFailure, RpaError
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext, Waiting
from apps.steps.messaging.addresses import listed, parse_address
from apps.steps.messaging.composing import clean_subject, compose, message_id
from apps.steps.registry import register
from apps.steps.signals import Park

ROLES = ("owner", "admin", "editor", "operator")
MAX_APPROVERS = 50
_MAIL_TIMEOUT_S = 10.0
_MAIL = """{message}

{facts}

Approve or deny it here. The link is yours alone; do not pass it on:
{link}
"""


def _approver(text: str) -> str:
    if text in ROLES:
        return text
    try:
        return parse_address(text).addr_spec.lower()
    except ValueError as error:
        message = f"must be mail addresses, or roles: {', '.join(ROLES)}"
        raise ValueError(message) from error


def _approvers(given: list[str]) -> list[str]:
    return list(dict.fromkeys(map(_approver, given)))


def _some_time(given: timedelta) -> timedelta:
    if not given:
        raise ValueError("must be longer than 0")
    return given


Approvers = Annotated[list[str], BeforeValidator(listed), AfterValidator(_approvers)]
WaitingTime = Annotated[Duration, AfterValidator(_some_time)]


class ApprovalParams(Params):
    """What is asked, of whom, and for how long."""

    message: str = Field(
        min_length=1, max_length=10_000, description="What is to be decided."
    )
    title: str | None = Field(
        default=None, max_length=200, description="In a few words, for lists and mails."
    )
    approvers: Approvers = Field(
        default_factory=list,
        max_length=MAX_APPROVERS,
        description="Mail addresses, and roles that stand for members with that role "
        "or a higher one; `operator` unless given.",
    )
    allow_own: bool = Field(
        default=True, description="Whether who started the execution may decide, too."
    )
    timeout: WaitingTime | None = Field(
        default=None, description="How long it may take; for ever unless given."
    )
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail", description="`continue`: the decision is `timeout`."
    )
    on_deny: Literal["fail", "continue"] = Field(
        default="fail", description="`continue`: the decision is `denied`."
    )
    notify: bool = Field(
        default=True, description="Whether the approvers get a mail with a link."
    )


@register("approval")
class Approval(StepType[ApprovalParams]):
    """Wait until somebody approves or denies.

    Waiting holds no worker. People decide on the execution's page, over the API, or by
    the link in the mail that each approver gets; the link shows a page, and only its
    buttons decide. A mail that cannot be sent is a warning. The output is
    `{decision, reason, by, decided_at}`; the decision is `approved`, `denied` or
    `timeout`. The step fails with the code `approval_denied` or `approval_timeout`
    unless it is told to continue.

    Example:
        - id: pay
          type: approval
          params:
            title: "Pay {{ variables.total }}"
            message: "Invoice of {{ inputs.customer }}"
            approvers: [admin, cfo@example.com]
            timeout: 2d
    """

    params_class = ApprovalParams
    # It sends mails. A repeat finds what was asked before.
    effect = Effect.WRITE
    keyed = True
    on_crash = OnCrash.RETRY

    def summary(self, params: ApprovalParams) -> str:
        return f"ask {', '.join(params.approvers) or 'operators'} for approval"

    def run(self, params: ApprovalParams, ctx: StepContext) -> Json:
        waiting = ctx.waits.approval(
            _request(params),
            path=ctx.path,
            attempt=ctx.attempt,
            timeout=params.timeout,
        )
        if waiting.answer is not None:
            return _decided(params, waiting)
        if waiting.is_over:
            return _timed_out(params, waiting)
        if params.notify and waiting.untold:
            _tell(params, waiting, ctx)
            ctx.waits.told(waiting)
        raise Park(
            reason=f"approval: {_title(params)}",
            due_at=waiting.expires_at,
            may_wake=True,
        )


def _request(params: ApprovalParams) -> JsonObject:
    return {
        "title": _title(params),
        "message": params.message,
        "approvers": params.approvers,
        "allow_own": params.allow_own,
    }


def _title(params: ApprovalParams) -> str:
    """One line that says what it is about."""
    return clean_subject(params.title or params.message.strip().partition("\n")[0])


def _decided(params: ApprovalParams, waiting: Waiting) -> Json:
    answer = waiting.answer or {}
    at = waiting.answered_at
    if answer["decision"] == "denied" and params.on_deny == "fail":
        why = f": {answer['reason']}" if answer["reason"] else "."
        raise PermanentFailure(
            f"{answer['by']} denied it{why}", code="approval_denied", by=answer["by"]
        )
    return {
        "decision": answer["decision"],
        "reason": answer["reason"],
        "by": answer["by"],
        "decided_at": at.isoformat() if at else None,
    }


def _timed_out(params: ApprovalParams, waiting: Waiting) -> Json:
    if params.on_timeout == "fail":
        raise PermanentFailure("Nobody decided in time.", code="approval_timeout")
    at = waiting.expires_at
    return {
        "decision": "timeout",
        "reason": "",
        "by": None,
        "decided_at": at.isoformat() if at else None,
    }


def _tell(params: ApprovalParams, waiting: Waiting, ctx: StepContext) -> None:
    """Send each approver a link of their own; what fails is a warning."""
    for email, link in waiting.untold.items():
        try:
            _send(params, waiting, ctx, email, link)
        except RpaError as error:
            ctx.warn(f"The mail to {email} could not be sent: {error}")
            if not error.code.removeprefix("smtp_").isdigit():
                ctx.warn("No other approver was told by mail.")
                return  # no server: the others would fail likewise, one by one


def _send(
    params: ApprovalParams, waiting: Waiting, ctx: StepContext, email: str, link: str
) -> None:
    ctx.mail.require_configured()
    until = waiting.expires_at
    facts = f"Execution: {ctx.execution_id}"
    if until is not None:
        facts += f"\nUntil: {until:%Y-%m-%d %H:%M} UTC"
    text = _MAIL.format(message=params.message, facts=facts, link=link)
    mail = compose(
        to=[parse_address(email)],
        cc=[],
        reply_to=None,
        subject=clean_subject(f"Approval needed: {_title(params)}"),
        text=text,
        html=None,
    )
    domain = parseaddr(ctx.mail.sender)[1].rpartition("@")[2] or "localhost"
    key = f"{ctx.idempotency_key}:{ctx.attempt}:{email}"
    mail["Message-ID"] = message_id(key, domain)
    left = ctx.remaining()
    limit = _MAIL_TIMEOUT_S if left is None else max(0.1, min(_MAIL_TIMEOUT_S, left))
    refused = ctx.mail.send(mail, [email], timeout=limit)
    for address, reason in refused.items():
        ctx.warn(f"The server refused {address}: {reason}")
