from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.egress import Policy
from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.mail import Mailer
from apps.steps.base import Effect, OnCrash
from apps.steps.context import StepContext
from apps.steps.messaging.send_email import SendEmail, SendEmailParams
from tests import mail_server
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.mail_server import Mail, MailServer

BOB = "bob@example.com"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as running:
        yield running


@pytest.fixture
def ctx(step_ctx: ContextMaker, server: MailServer) -> StepContext:
    mailer = Mailer(
        host="127.0.0.1",
        port=server.port,
        tls="none",
        sender="RPA <rpa@example.com>",
        policy=Policy(),
    )
    return step_ctx(mail=mailer)


class Send:
    """Sends a mail with these params; gives what arrived."""

    def __init__(self, run: StepRunner, ctx: StepContext, server: MailServer) -> None:
        self._run, self.ctx, self.server = run, ctx, server
        self.output: Any = None

    def __call__(self, **params: Any) -> Mail:
        base = {"to": BOB, "subject": "Report", "text": "Good day"}
        self.output = self._run("send_email", base | params, self.ctx)
        return self.server.mails[-1]


@pytest.fixture
def send(run_step: StepRunner, ctx: StepContext, server: MailServer) -> Send:
    return Send(run_step, ctx, server)


def test_sends_a_text(send: Send) -> None:
    mail = send(text="Grüße\n")
    assert mail.recipients == [BOB]
    assert mail.message["Subject"] == "Report"
    assert mail.message["From"] == "RPA <rpa@example.com>"
    assert mail.message.get_content().strip() == "Grüße"
    assert send.output == {
        "message_id": mail.message["Message-ID"],
        "recipients": 1,
    }


def test_names_and_hidden_recipients(send: Send) -> None:
    mail = send(
        to=["Bob Ö <bob@example.com>", "bob@example.com"],
        cc="a@example.com, c@example.com",
        bcc=['"Boss, The" <boss@example.com>'],
        reply_to="Desk <desk@example.com>",
    )
    assert mail.recipients == [
        BOB,
        "a@example.com",
        "c@example.com",
        "boss@example.com",
    ]
    assert mail.message["To"] == "Bob Ö <bob@example.com>, bob@example.com"
    assert mail.message["Cc"] == "a@example.com, c@example.com"
    assert mail.message["Reply-To"] == "Desk <desk@example.com>"
    assert b"boss" not in mail.raw
    assert send.output["recipients"] == 4


def test_html_beside_text_and_alone(send: Send) -> None:
    both = send(html="<b>Hi</b>").message
    assert [part.get_content_type() for part in both.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    alone = send(text=None, html="<b>Hi</b>").message
    assert alone.get_content_type() == "text/html"


def test_attaches_files(send: Send) -> None:
    send.ctx.files.write_bytes("out/Übersicht.xlsx", b"PK\x00")
    send.ctx.files.write_bytes("a.exe", b"MZ")
    message = send(attachments=["out/Übersicht.xlsx", "a.exe"]).message
    first, second = message.iter_attachments()
    assert (first.get_filename(), first.get_content()) == ("Übersicht.xlsx", b"PK\x00")
    assert first.get_content_type().endswith("spreadsheetml.sheet")
    assert second.get_filename() == "a.exe"


def test_attachments_are_bounded_together(send: Send) -> None:
    for name in "ab":
        send.ctx.files.write_bytes(name, bytes(6 * 1024 * 1024))
    with pytest.raises(PermanentFailure) as caught:
        send(attachments=["a", "b"])
    assert caught.value.code == "attachments_too_large"
    assert send.server.mails == []


def test_an_attachment_that_is_not_there(send: Send) -> None:
    with pytest.raises(PermanentFailure) as caught:
        send(attachments=["a"])
    assert caught.value.code == "file_not_found"


def test_the_same_step_gives_the_same_message_id(send: Send) -> None:
    first = send().message["Message-ID"]
    assert send().message["Message-ID"] == first
    send.ctx.idempotency_key = "execution-2:step"
    assert send().message["Message-ID"] != first
    assert first.endswith("@example.com>")


@pytest.mark.parametrize(
    ("subject", "arrives"),
    [
        ("Grüße", "Grüße"),
        ("a\u202eb\u200bc\x07d\te", "abcd e"),
        ("x" * 200, "x" * 149 + "…"),
        ("1 + 1 =? 2", "1 + 1 =? 2"),
    ],
)
def test_cleans_the_subject(send: Send, subject: str, arrives: str) -> None:
    message = send(subject=subject).message
    assert message["Subject"] == arrives
    assert message.keys().count("To") == 1


def test_says_that_the_subject_was_cut(send: Send) -> None:
    send(subject="x" * 151)
    assert send.ctx.warnings == ["The subject was cut at 150 characters."]


HOSTILE = [
    "a\r\nBcc: eve@example.com",
    "a\nBcc: eve@example.com",
    "a\rBcc: eve@example.com",
    "a\0",
    "=?utf-8?q?a=0ABcc:_eve@example.com?=",
    "=?UTF-8?B?YQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["subject", "name", "local", "domain", "reply_to"])
def test_nothing_becomes_another_header(
    run_step: StepRunner, ctx: StepContext, server: MailServer, place: str, text: str
) -> None:
    params: dict[str, Any] = {"to": BOB, "subject": "s", "text": "t"}
    params |= {
        "subject": {"subject": text},
        "name": {"to": f"{text} <bob@example.com>"},
        "local": {"to": [f"{text}@example.com"]},
        "domain": {"to": [f"bob@{text}"]},
        "reply_to": {"reply_to": f"{text} <bob@example.com>"},
    }[place]
    with pytest.raises(ValidationError):
        run_step("send_email", params, ctx)
    assert server.mails == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bob",
        "@example.com",
        "bob@",
        "bob@localdomain",
        '"a b"@example.com',
        "a b@example.com",
        "bob@example.com@evil.example",
        "bob@[127.0.0.1]",
        "bob@127.0.0.1",
        "<bob@example.com",
        "Bob <bob@example.com> <eve@example.com>",
        "Bob bob@example.com",
        "list: bob@example.com;",
        "x" * 65 + "@example.com",
        "bob@" + "x" * 320 + ".com",
        "bob@exa_mple..com",
        "bob\u202e@example.com",
        5,
    ],
)
def test_refuses_what_is_no_address(run_step: StepRunner, address: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("send_email", {"to": [address], "subject": "s", "text": "t"})


def test_writes_domains_as_dns_has_them(send: Send) -> None:
    assert send(to="bob@Bücher.example").recipients == ["bob@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "params",
    [
        {"to": []},
        {"to": [BOB] * 51},
        {"to": [BOB] * 30, "bcc": [BOB] * 30},
        {"subject": ""},
        {"subject": "x" * 10_000_000},
        {"text": None},
        {"text": "x" * 1_000_001},
        {"attachments": ["../x"]},
        {"attachments": ["a"] * 21},
        {"from": "ceo@example.com"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    base = {"to": BOB, "subject": "s", "text": "t"}
    with pytest.raises(ValidationError):
        run_step("send_email", base | params)


def test_bodies_lose_what_no_mail_can_hold(send: Send) -> None:
    assert send(text="a\0bc\x1b[31m").message.get_content().strip() == "abc[31m"


def test_one_that_was_refused_is_a_warning(send: Send) -> None:
    send.server.refuses = {"eve@example.com": "550 unknown"}
    send(cc="eve@example.com")
    assert send.output["recipients"] == 1
    assert send.ctx.warnings == ["The server refused eve@example.com: 550 unknown"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [("451 later", TemporaryFailure), ("554 spam", PermanentFailure)],
)
def test_sorts_refusals(send: Send, answer: str, error: type[Exception]) -> None:
    send.server.answer = answer
    with pytest.raises(error, match=answer):
        send()


def test_without_a_server_it_says_what_to_set(
    run_step: StepRunner, step_ctx: ContextMaker
) -> None:
    ctx = step_ctx(mail=Mailer(host="", port=587, policy=Policy()))
    params = {"to": BOB, "subject": "s", "text": "t", "attachments": ["missing"]}
    with pytest.raises(PermanentFailure, match="SMTP_HOST"):
        run_step("send_email", params, ctx)


def test_is_not_repeated_after_a_crash() -> None:
    params = SendEmailParams(to=[BOB], subject="Hi", text="t")
    kind = SendEmail()
    assert (kind.effect, kind.on_crash) == (Effect.WRITE, OnCrash.FAIL)
    assert not kind.is_keyed(params)
    assert kind.summary(params) == "send 'Hi' to bob@example.com"
