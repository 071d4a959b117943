from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from apps.core.egress import Policy
from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.mail import Mailer
from tests import mail_server
from tests.certificates import make_certificate
from tests.mail_server import MailServer

BOB = "bob@example.com"
EVE = "eve@example.com"
# The test's server takes passwords without TLS, and warns of itself.
OPEN_LOGIN = pytest.mark.filterwarnings("ignore:Requiring AUTH while not:UserWarning")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as running:
        yield running


def mailer(server: MailServer, **options: Any) -> Mailer:
    facts = {"tls": "none", "sender": "RPA <rpa@example.com>", "policy": Policy()}
    return Mailer(host="127.0.0.1", port=server.port, **(facts | options))


def mail(text: str = "Good day") -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "Grüße"
    message["To"] = BOB
    message.set_content(text)
    return message


def test_hands_a_mail_over(server: MailServer) -> None:
    assert mailer(server).send(mail("Good day"), [BOB, EVE]) == {}
    (got,) = server.mails
    assert (got.sender, got.recipients) == ("rpa@example.com", [BOB, EVE])
    assert got.message["From"] == "RPA <rpa@example.com>"
    assert got.message["Subject"] == "Grüße"
    assert got.message.get_content().strip() == "Good day"


@pytest.mark.parametrize(("host", "sender"), [("", "a@x.org"), ("mail", "")])
def test_without_settings_they_are_named(host: str, sender: str) -> None:
    empty = Mailer(host=host, port=587, sender=sender, policy=Policy())
    assert not empty.is_configured
    with pytest.raises(PermanentFailure, match="SMTP_HOST") as caught:
        empty.send(mail(), [BOB])
    assert caught.value.code == "smtp_not_configured"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ("452 disk full", TemporaryFailure, "smtp_452"),
        ("552 too large", PermanentFailure, "smtp_552"),
    ],
)
def test_sorts_refusals(
    server: MailServer, answer: str, error: type[Exception], code: str
) -> None:
    server.answer = answer
    with pytest.raises(error, match=answer) as caught:
        mailer(server).send(mail(), [BOB])
    assert getattr(caught.value, "code", "") == code


def test_nobody_is_taken(server: MailServer) -> None:
    server.refuses = {BOB: "550 unknown", EVE: "451 later"}
    with pytest.raises(TemporaryFailure, match="451 later"):
        mailer(server).send(mail(), [BOB, EVE])
    with pytest.raises(PermanentFailure, match="550 unknown"):
        mailer(server).send(mail(), [BOB])


def test_tells_of_some_that_were_refused(server: MailServer) -> None:
    server.refuses = {EVE: "550 unknown"}
    assert mailer(server).send(mail(), [BOB, EVE]) == {EVE: "550 unknown"}
    assert server.mails[0].recipients == [BOB]


def test_a_line_that_breaks_leaves_the_outcome_open(server: MailServer) -> None:
    server.vanishes = True
    with pytest.raises(PermanentFailure) as caught:
        mailer(server).send(mail(), [BOB])
    assert caught.value.code == "delivery_unknown"


def test_no_server_is_a_temporary_failure(server: MailServer) -> None:
    gone = mailer(server)
    server_port_closed = Mailer(
        host="127.0.0.1", port=1, tls="none", sender="a@x.org", policy=Policy()
    )
    assert gone.is_configured
    with pytest.raises(TemporaryFailure):
        server_port_closed.send(mail(), [BOB])


def test_other_addresses_stay_forbidden(server: MailServer) -> None:
    mine = mailer(server)
    assert mine._policy != Policy()
    with pytest.raises(PermanentFailure):
        mine._policy.check_address("10.0.0.1", 25, "10.0.0.1")


def test_never_goes_on_without_tls(server: MailServer) -> None:
    with pytest.raises(PermanentFailure) as caught:
        mailer(server, tls="starttls").send(mail(), [BOB])
    assert caught.value.code == "smtp_not_supported"
    assert server.mails == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_sends_by_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    context = certificate.server_context()
    with mail_server.running(context, is_implicit=tls == "implicit") as server:
        mailer(server, tls=tls).send(mail(), [BOB])
    assert len(server.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_refuses_a_certificate_that_nobody_trusts(tmp_path: Path, tls: str) -> None:
    context = make_certificate(tmp_path).server_context()
    with (
        mail_server.running(context, is_implicit=tls == "implicit") as server,
        pytest.raises(PermanentFailure) as caught,
    ):
        mailer(server, tls=tls).send(mail(), [BOB])
    assert caught.value.code == "tls_failed"


@OPEN_LOGIN
def test_signs_in() -> None:
    with mail_server.running(wants_login=True) as server:
        mailer(server, user="rpa", password="right").send(mail(), [BOB])
    assert server.logins[0] == ("rpa", "right")
    assert len(server.mails) == 1


@OPEN_LOGIN
def test_a_wrong_password_is_for_good_and_not_told() -> None:
    with (
        mail_server.running(wants_login=True) as server,
        pytest.raises(PermanentFailure) as caught,
    ):
        mailer(server, user="rpa", password="wrong-one").send(mail(), [BOB])
    assert caught.value.code == "smtp_535"
    assert "wrong-one" not in str(caught.value)
