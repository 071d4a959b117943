"""Step type `send_email`: send a mail by the operator's server."""

from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath
from apps.steps.messaging.addresses import (
    checked,
    is_safe,
    listed,
    parse_address,
)
from apps.steps.messaging.composing import (
    MAX_SUBJECT,
    attach,
    clean_subject,
    compose,
    message_id,
)
from apps.steps.registry import register

MAX_RECIPIENTS = 50
MAX_ATTACHED_BYTES = 10 * 1024 * 1024
MAX_BODY = 1_000_000
_TIMEOUT = timedelta(seconds=30)
# Recipients that a dry run's note names.
_NAMED = 3

Addresses = Annotated[list[str], BeforeValidator(listed), AfterValidator(checked)]


def _one_address(text: str) -> str:
    return checked([text])[0]


def _one_line(subject: str) -> str:
    if any(sign in subject for sign in "\r\n\0"):
        raise ValueError("must be one line, without line ends and NUL")
    if not is_safe(clean_subject(subject)):
        raise ValueError("must be plain text, not an encoded word (`=?…?=`)")
    return subject


class SendEmailParams(Params):
    """To whom and what."""

    to: Addresses = Field(
        min_length=1,
        max_length=MAX_RECIPIENTS,
        description="`bob@example.com` or `Bob <bob@example.com>`, one or a list.",
    )
    cc: Addresses = Field(
        default_factory=list, max_length=MAX_RECIPIENTS, description="Get a copy."
    )
    bcc: Addresses = Field(
        default_factory=list, max_length=MAX_RECIPIENTS, description="Hidden."
    )
    reply_to: Annotated[str, AfterValidator(_one_address)] | None = Field(
        default=None, description="Where answers go."
    )
    subject: Annotated[str, AfterValidator(_one_line)] = Field(
        min_length=1, max_length=10_000, description="Cut at 150 characters."
    )
    text: str | None = Field(default=None, max_length=MAX_BODY)
    html: str | None = Field(
        default=None, max_length=MAX_BODY, description="Beside `text`, or instead."
    )
    attachments: list[FilePath] = Field(
        default_factory=list,
        max_length=20,
        description="Files of the workspace, 10 MiB in all.",
    )

    @property
    def recipients(self) -> list[str]:
        """Everyone it goes to, each once, without names."""
        everyone = [*self.to, *self.cc, *self.bcc]
        return list(dict.fromkeys(parse_address(one).addr_spec for one in everyone))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.text is None and self.html is None:
            raise ValueError("give `text` or `html`")
        if len(self.to) + len(self.cc) + len(self.bcc) > MAX_RECIPIENTS:
            raise ValueError(f"at most {MAX_RECIPIENTS} recipients in all")
        return self


@register("send_email")
class SendEmail(StepType[SendEmailParams]):
    """Send a mail with text, HTML and files of the workspace.

    It comes from the address that the operator has set. The output is
    `{message_id, recipients}` with the number of those that the server took; a
    recipient it refused is a warning, as long as it took another one.

    Example:
        - type: send_email
          params:
            to: Bob <bob@example.com>
            subject: "Report of {{ now() }}"
            text: See the file.
            attachments: [out/report.xlsx]
    """

    params_class = SendEmailParams
    effect = Effect.WRITE
    on_crash = OnCrash.FAIL

    def summary(self, params: SendEmailParams) -> str:
        subject = clean_subject(params.subject)
        named = params.recipients[:_NAMED]
        more = len(params.recipients) - len(named)
        rest = f" and {more} more" if more else ""
        return f"send {subject!r} to {', '.join(named)}{rest}"

    def run(self, params: SendEmailParams, ctx: StepContext) -> Json:
        ctx.mail.require_configured()
        message = _message(params, ctx)
        _attach_all(message, params.attachments, ctx)
        remaining = ctx.remaining()
        seconds = _TIMEOUT.total_seconds()
        refused = ctx.mail.send(
            message,
            params.recipients,
            timeout=seconds if remaining is None else max(0.1, min(seconds, remaining)),
        )
        for address, reason in refused.items():
            ctx.warn(f"The server refused {address}: {reason}")
        return {
            "message_id": message["Message-ID"],
            "recipients": len(params.recipients) - len(refused),
        }


def _message(params: SendEmailParams, ctx: StepContext) -> EmailMessage:
    if len(params.subject) > MAX_SUBJECT:
        ctx.warn(f"The subject was cut at {MAX_SUBJECT} characters.")
    message = compose(
        to=_parsed(params.to),
        cc=_parsed(params.cc),
        reply_to=parse_address(params.reply_to) if params.reply_to else None,
        subject=clean_subject(params.subject),
        text=params.text,
        html=params.html,
    )
    domain = parseaddr(ctx.mail.sender)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = message_id(ctx.idempotency_key, domain)
    return message


def _parsed(texts: list[str]) -> list[Address]:
    return [parse_address(text) for text in texts]


def _attach_all(message: EmailMessage, paths: list[str], ctx: StepContext) -> None:
    left = MAX_ATTACHED_BYTES
    for path in paths:
        try:
            content = ctx.files.read_bytes(path, left)
        except PermanentFailure as error:
            if error.code != "file_too_large":
                raise
            raise PermanentFailure(
                f"With {path!r} the attachments are larger than 10 MiB.",
                code="attachments_too_large",
                limit=MAX_ATTACHED_BYTES,
            ) from error
        left -= len(content)
        attach(message, path.rsplit("/", 1)[-1], content)
