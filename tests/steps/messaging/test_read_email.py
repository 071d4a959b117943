from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.egress import EgressRefused, Policy
from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.base import Effect, OnCrash
from apps.steps.context import StepContext
from apps.steps.messaging.read_email import ReadEmail, ReadEmailParams
from tests import imap_server
from tests.certificates import make_certificate
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.imap_server import ImapServer

MIB = 1024 * 1024


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with imap_server.running() as running:
        yield running


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def read(run_step: StepRunner, ctx: StepContext, server: ImapServer) -> Any:
    def run(**params: Any) -> Any:
        base = {"host": "127.0.0.1", "port": server.port, "tls": "none", "user": "ann"}
        given = base | {"password": "right"} | params
        return run_step("read_email", given, ctx)

    return run


def mail(subject: str = "Order", *files: tuple[str, bytes], **headers: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Bob \u00d6 <bob@example.com>"
    message["To"] = "ann@example.com, Cyd <cyd@example.com>"
    message["Date"] = "Sun, 01 Mar 2026 10:00:00 +0100"
    message["Message-ID"] = "<1@example.com>"
    for name, value in headers.items():
        message[name] = value
    message.set_content("Gr\u00fc\u00dfe\n")
    message.add_alternative("<p>Gr\u00fc\u00dfe</p>\n", subtype="html")
    for name, content in files:
        message.add_attachment(
            content, maintype="application", subtype="pdf", filename=name
        )
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def subjects(output: Any) -> list[str]:
    return [message["subject"] for message in output["messages"]]


def test_reads_mails(read: Any, server: ImapServer) -> None:
    content = mail("\u00dcber", ("a.pdf", b"PDF"))
    server.put(content, flags={"\\Flagged"})
    output = read()
    (message,) = output.pop("messages")
    assert output == {"folder": "INBOX", "uid_validity": 77, "matched": 1}
    assert message == {
        "uid": 1,
        "size": len(content),
        "flags": ["\\Flagged"],
        "is_whole": True,
        "message_id": "<1@example.com>",
        "in_reply_to": None,
        "subject": "\u00dcber",
        "date": "2026-03-01T09:00:00Z",
        "from": {"name": "Bob \u00d6", "address": "bob@example.com"},
        "reply_to": None,
        "to": [
            {"name": "", "address": "ann@example.com"},
            {"name": "Cyd", "address": "cyd@example.com"},
        ],
        "cc": [],
        "text": "Gr\u00fc\u00dfe\n",
        "html": "<p>Gr\u00fc\u00dfe</p>\n",
        "attachments": [
            {"name": "a.pdf", "content_type": "application/pdf", "bytes": 3}
        ],
    }


def test_reading_marks_nothing(read: Any, server: ImapServer) -> None:
    stored = server.put(mail())
    read()
    assert stored.flags == set()
    assert 'EXAMINE "INBOX"' in server.commands
    assert not any("BODY[" in command for command in server.commands)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"subject": "order"}, ["Order 1", "Order 2"]),
        ({"subject": 'say "hi" \\'}, ['Say "hi" \\']),
        ({"subject": "\u00dcber"}, ["\u00dcber uns"]),
        ({"from": "bob", "seen": False}, ["Order 2", 'Say "hi" \\', "\u00dcber uns"]),
        ({"seen": True}, ["Order 1"]),
        ({"flagged": True}, []),
        ({"since": "2026-03-02"}, ["Order 2"]),
        ({"before": "2026-03-02", "subject": "Order"}, ["Order 1"]),
        ({"uid_above": 3}, ["\u00dcber uns"]),
        ({"uid_above": 4}, []),
    ],
)
def test_searches(read: Any, server: ImapServer, search: Any, found: Any) -> None:
    server.put(mail("Order 1"), flags={"\\Seen"})
    server.put(mail("Order 2"), day=datetime(2026, 3, 2, tzinfo=UTC))
    server.put(mail('Say "hi" \\'))
    raw = mail("x").replace(b"Subject: x", "Subject: \u00dcber uns".encode())
    server.put(raw)
    output = read(search=search)
    assert subjects(output) == found
    assert output["matched"] == len(found)


@pytest.mark.parametrize(("order", "found"), [("oldest", "12"), ("newest", "43")])
def test_takes_the_oldest_or_the_newest(
    read: Any, server: ImapServer, order: str, found: str
) -> None:
    for number in range(1, 5):
        server.put(mail(str(number)))
    output = read(order=order, limit=2)
    assert subjects(output) == list(found)
    assert output["matched"] == 4


def test_takes_mails_by_their_uids(read: Any, server: ImapServer) -> None:
    for number in range(1, 4):
        server.put(mail(str(number)))
    assert subjects(read(uids=[3, 1, 99])) == ["1", "3"]


def test_keeps_attachments(read: Any, server: ImapServer, ctx: StepContext) -> None:
    server.put(mail("x", ("a b.pdf", b"one"), ("../../etc/passwd", b"two"), ("", b"3")))
    (message,) = read(save_attachments="in/mail")["messages"]
    paths = [attached["path"] for attached in message["attachments"]]
    assert paths == [
        "in/mail/1-1-a b.pdf",
        "in/mail/1-2-passwd",
        "in/mail/1-3-attachment",
    ]
    assert [ctx.files.read_bytes(path) for path in paths] == [b"one", b"two", b"3"]
    assert "content" not in message["attachments"][0]


@pytest.mark.parametrize(
    "name",
    ["a\0b", "x" * 400 + ".pdf", "\u202efdp.exe", "CON", ".hidden", "-rf", "a\r\nb: c"],
)
def test_names_of_attachments_are_harmless(
    read: Any, server: ImapServer, ctx: StepContext, name: str
) -> None:
    content = mail("x", ("NAME", b"1"))
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    content = content.replace(
        b'filename="NAME"', b"filename*=utf-8''" + encoded.encode()
    )
    server.put(content)
    (message,) = read(save_attachments="in")["messages"]
    assert ctx.files.exists(message["attachments"][0]["path"])


@pytest.mark.parametrize(
    ("mark", "before", "after"),
    [
        ("seen", set(), {"\\Seen"}),
        ("unseen", {"\\Seen"}, set()),
        ("flagged", set(), {"\\Flagged"}),
        ("unflagged", {"\\Flagged"}, set()),
    ],
)
def test_marks_mails(
    read: Any, server: ImapServer, mark: str, before: set[str], after: set[str]
) -> None:
    stored = server.put(mail(), flags=set(before))
    read(mark=mark)
    assert stored.flags == after


@pytest.mark.parametrize(
    ("capabilities", "left"),
    [
        ("IMAP4rev1 MOVE", []),
        ("IMAP4rev1 UIDPLUS", []),
        ("IMAP4rev1", [{"\\Deleted"}]),
    ],
)
def test_moves_mails_by_what_the_server_can(
    read: Any, server: ImapServer, ctx: StepContext, capabilities: str, left: Any
) -> None:
    server.capabilities = capabilities
    server.folders["Gel&APY-scht &- weg"] = []
    server.put(mail())
    read(move_to="Gel\u00f6scht & weg")
    assert [stored.flags for stored in server.folders["INBOX"]] == left
    assert len(server.folders["Gel&APY-scht &- weg"]) == 1
    assert any("copied" in warning for warning in ctx.warnings) == bool(left)


def test_changes_mails_that_an_earlier_step_read(read: Any, server: ImapServer) -> None:
    first, second = server.put(mail()), server.put(mail())
    output = read(uids=[second.uid], fetch=False, mark="seen")
    assert (output["messages"], output["matched"]) == ([], 1)
    assert (first.flags, second.flags) == (set(), {"\\Seen"})


def test_mails_that_cannot_be_moved_are_still_there(
    read: Any, server: ImapServer
) -> None:
    server.put(mail())
    with pytest.raises(PermanentFailure, match="no such folder") as caught:
        read(move_to="Nowhere")
    assert caught.value.code == "imap_refused"
    assert len(server.folders["INBOX"]) == 1


def test_of_large_mails_only_the_header_is_read(
    read: Any, server: ImapServer, ctx: StepContext
) -> None:
    server.put(mail("Large") + b"x" * 26 * MIB)
    (message,) = read()["messages"]
    assert (message["subject"], message["is_whole"]) == ("Large", False)
    assert "only the header" in ctx.warnings[-1]


def test_reads_no_more_than_fits(
    read: Any, server: ImapServer, ctx: StepContext
) -> None:
    for _ in range(3):
        server.put(mail() + b"x" * 18 * MIB)
    assert len(read()["messages"]) == 2
    assert "Only the first 2 mails" in ctx.warnings[-1]


DEEP = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
    for n in range(2000)
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff" * 1000,
        b"Subject: =?utf-8?b?4pyT\r\nFrom: <<>>,\r\nDate: yesterday\r\n\r\nx",
        b'From: "a" <a@b>, =?x?q?=00?= <c>\r\nTo: @@@;:\r\n\r\n',
        b"Content-Type: text/plain; charset=none-such\r\n\r\n\xe4",
        b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\n=%%%",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n\r\n",
        b"Subject: a\r\n" * 1000 + b"\r\nx",
        DEEP,
    ],
)
def test_damaged_mails_spoil_no_others(
    read: Any, server: ImapServer, content: bytes
) -> None:
    server.put(content)
    server.put(mail("good"))
    damaged, good = read()["messages"]
    assert (damaged["uid"], good["subject"]) == (1, "good")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_reads_by_tls(
    run_step: StepRunner,
    ctx: StepContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    context = certificate.server_context()
    with imap_server.running(context, is_implicit=tls == "implicit") as server:
        server.capabilities += " STARTTLS"
        server.put(mail())
        given = {"host": "127.0.0.1", "port": server.port, "tls": tls, "user": "ann"}
        output = run_step("read_email", given | {"password": "right"}, ctx)
    assert (len(output["messages"]), ctx.warnings) == (1, [])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_refuses_a_certificate_that_nobody_trusts(
    run_step: StepRunner, ctx: StepContext, tmp_path: Path, tls: str
) -> None:
    context = make_certificate(tmp_path).server_context()
    with imap_server.running(context, is_implicit=tls == "implicit") as server:
        server.capabilities += " STARTTLS"
        given = {"host": "127.0.0.1", "port": server.port, "tls": tls, "user": "ann"}
        with pytest.raises(PermanentFailure) as caught:
            run_step("read_email", given | {"password": "right"}, ctx)
    assert caught.value.code == "tls_failed"


def test_never_goes_on_without_tls(read: Any, server: ImapServer) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(tls="starttls")
    assert caught.value.code == "tls_failed"
    assert not any(command.startswith("LOGIN") for command in server.commands)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"access_token": "right"}, "user=ann\x01auth=Bearer right\x01\x01"),
        ({"password": "right\u00e9"}, "\0ann\0right\u00e9"),
    ],
)
def test_signs_in_by_other_ways(
    run_step: StepRunner, ctx: StepContext, server: ImapServer, given: Any, sent: str
) -> None:
    base = {"host": "127.0.0.1", "port": server.port, "tls": "none", "user": "ann"}
    server.capabilities += " AUTH=XOAUTH2 AUTH=PLAIN"
    run_step("read_email", base | given, ctx)
    assert sent in server.commands


def test_a_wrong_password_is_permanent(read: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(password="wrong-secret")
    assert caught.value.code == "login_failed"
    assert "wrong-secret" not in str(caught.value)


def test_a_folder_that_is_not_there(read: Any) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(folder="Nowhere")
    assert caught.value.code == "folder_not_found"


@pytest.mark.parametrize(
    ("says", "error", "code"),
    [
        ({"UID FETCH": b"* BYE gone\r\n"}, TemporaryFailure, "connection_failed"),
        ({"UID SEARCH": b"what\r\n"}, PermanentFailure, "imap_broken"),
        ({"UID SEARCH": b"TAG NO not now\r\n"}, PermanentFailure, "imap_refused"),
        (
            {"UID FETCH": b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n"},
            PermanentFailure,
            "imap_broken",
        ),
        ({"UID SEARCH": b"* SEARCH " + b"1 " * MIB}, PermanentFailure, "imap_broken"),
    ],
)
def test_servers_that_misbehave(
    read: Any, server: ImapServer, says: Any, error: type[Exception], code: str
) -> None:
    server.put(mail())
    server.says = says
    with pytest.raises(error) as caught:
        read()
    assert getattr(caught.value, "code", None) == code


def test_a_server_that_is_silent(read: Any, server: ImapServer) -> None:
    server.greeting = b""
    with pytest.raises(TemporaryFailure) as caught:
        read(timeout="200ms")
    assert caught.value.code == "timeout"


def test_refuses_addresses_that_are_not_public(
    run_step: StepRunner, step_ctx: ContextMaker, server: ImapServer
) -> None:
    given = {"host": "127.0.0.1", "port": server.port, "user": "a", "password": "b"}
    with pytest.raises(EgressRefused):
        run_step("read_email", given, step_ctx(policy=Policy()))


@pytest.mark.parametrize(
    "params",
    [
        {"host": "a\r\nb"},
        {"user": "a\r\nA1 LOGOUT"},
        {"password": "a\r\nA1 LOGOUT"},
        {"folder": "a\nb"},
        {"move_to": "a\nb"},
        {"search": {"subject": "a\r\nb"}},
        {"search": {"subject": "\u00e9", "from": "\u00e9"}},
        {"search": {"larger": 1}},
        {"access_token": "x"},
        {"password": None},
        {"fetch": False},
        {"fetch": False, "mark": "seen", "save_attachments": "in"},
        {"save_attachments": "../in"},
        {"mark": "deleted"},
        {"uids": [0]},
        {"uids": []},
        {"limit": 101},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    base = {"host": "imap.example.com", "user": "ann", "password": "x"}
    with pytest.raises(ValidationError):
        run_step("read_email", base | params)


@pytest.mark.parametrize(
    ("params", "effect", "keyed"),
    [
        ({}, Effect.READ, True),
        ({"save_attachments": "in"}, Effect.WRITE, True),
        ({"mark": "seen"}, Effect.WRITE, False),
        ({"mark": "seen", "uids": [1]}, Effect.WRITE, False),
        ({"mark": "seen", "uids": [1], "fetch": False}, Effect.WRITE, True),
    ],
)
def test_what_a_repeat_would_do(params: Any, effect: Effect, keyed: bool) -> None:
    base = {"host": "imap.example.com", "user": "ann", "password": "secret-word"}
    given = ReadEmailParams.model_validate(base | params)
    kind = ReadEmail()
    assert (kind.effect_of(given), kind.is_keyed(given)) == (effect, keyed)
    assert kind.on_crash is OnCrash.FAIL
    assert "imap.example.com" in kind.summary(given)
    assert "secret-word" not in repr(given) + kind.summary(given)
    assert given.timeout == timedelta(seconds=30)
