"""A real SMTP server for tests that keeps what it is sent."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from ssl import SSLContext
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail's headers and bodies."""
        parsed = BytesParser(policy=default).parsebytes(self.raw)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class MailServer:
    """What the server says and what it got.

    Attributes:
        refuses: answers to recipients it does not take, by address.
        answer: to the content of a mail.
        vanishes: whether it goes away when it has read the content.
        logins: users and passwords it was told.
    """

    mails: list[Mail] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    answer: str = "250 taken"
    vanishes: bool = False
    logins: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, _: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        if self.vanishes:
            server.transport.abort()
            return "421 gone"
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            sender = str(envelope.mail_from)
            self.mails.append(Mail(sender, list(envelope.rcpt_tos), content))
        return self.answer

    def sign_in(self, *args: Any) -> AuthResult:
        """Take only the password `right`."""
        login = args[-1]
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=login.password == b"right", handled=False)


class _Controller(Controller):
    """Listens on a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def running(
    tls: SSLContext | None = None,
    *,
    is_implicit: bool = False,
    wants_login: bool = False,
) -> Iterator[MailServer]:
    """A server on 127.0.0.1 for the length of the block."""
    server = MailServer()
    options: dict[str, Any] = {}
    if tls is not None and is_implicit:
        options["ssl_context"] = tls
    elif tls is not None:
        options |= {"tls_context": tls, "require_starttls": True}
    if wants_login:
        options |= {"authenticator": server.sign_in, "auth_required": True}
        options["auth_require_tls"] = tls is not None and not is_implicit
    controller = _Controller(server, hostname="127.0.0.1", port=0, **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
