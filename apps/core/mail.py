"""Sends mail by the operator's SMTP server."""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Literal

from apps.core.egress import Policy, connect
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure

Tls = Literal["starttls", "implicit", "none"]
_MAX_REPLY = 300


class Mailer:
    """A way to one SMTP server; each mail gets a connection of its own.

    Args:
        host: empty when the operator has set none; then every mail is refused.
        tls: `starttls` never falls back to an open connection.
        sender: the address that mail comes from, with or without a name.
        policy: where connections may go; the server itself is always allowed.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str = "",
        password: str = "",
        tls: str = "starttls",
        sender: str = "",
        policy: Policy,
    ) -> None:
        self.sender = sender
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._tls = tls
        self._policy = _with_server(policy, host, port) if host else policy

    def __repr__(self) -> str:
        return f"Mailer({self._host}:{self._port})"

    @property
    def is_configured(self) -> bool:
        """Whether there is a server and an address to send from."""
        return bool(self._host and parseaddr(self.sender)[1])

    def require_configured(self) -> None:
        """Pass when mail can be sent at all.

        Raises:
            PermanentFailure: `smtp_not_configured`.
        """
        if not self.is_configured:
            raise PermanentFailure(
                "No mail can be sent: an operator must set SMTP_HOST, SMTP_PORT, "
                "SMTP_USER, SMTP_PASS, SMTP_TLS and SMTP_FROM.",
                code="smtp_not_configured",
            )

    def send(
        self,
        message: EmailMessage,
        recipients: Sequence[str],
        timeout: float | timedelta = 30.0,
    ) -> dict[str, str]:
        """Hand a mail over to the server.

        Args:
            message: with all its headers, but for `From`, which may be left out.
            recipients: the bare addresses it goes to, hidden ones included.
            timeout: for each answer of the server.

        Returns: the recipients that the server refused while it took others, with
            its reasons.

        Raises:
            TemporaryFailure: `smtp_<code>` for 4xx, or no connection.
            PermanentFailure: `smtp_<code>` for 5xx, `smtp_not_configured`,
                `smtp_not_supported`, `tls_failed`, or `delivery_unknown` when the
                connection broke after the content was sent.
        """
        self.require_configured()
        if "From" not in message:
            message["From"] = self.sender
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        try:
            with self._connection(seconds) as server:
                refused = server.send_message(
                    message, parseaddr(self.sender)[1], list(recipients)
                )
        except (smtplib.SMTPException, OSError) as error:
            raise _failure(error) from error
        return {address: _reply(*answer) for address, answer in refused.items()}

    def _connection(self, timeout_s: float) -> "_Connection":
        server = _Connection(self._host, self._port, self._tls, self._policy, timeout_s)
        try:
            server.begin(_domain(self.sender))
            if self._tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server


class _Connection(smtplib.SMTP):
    """An SMTP session on a socket that the egress guard opened."""

    def __init__(
        self, host: str, port: int, tls: str, policy: Policy, timeout_s: float
    ) -> None:
        self._address = host, port
        self._is_implicit = tls == "implicit"
        self._policy = policy
        # Without a name of our own, smtplib would ask DNS for one.
        super().__init__(local_hostname="localhost", timeout=timeout_s)
        self._host = host  # the name that STARTTLS checks the certificate for

    def begin(self, local_name: str) -> None:
        """Connect and hear the server's greeting."""
        self.local_hostname = local_name
        code, text = self.connect(*self._address)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = connect(host, port, policy=self._policy, timeout=timeout)
        if not self._is_implicit:
            return plain
        try:
            context = ssl.create_default_context()
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the content; from here on a broken line leaves the outcome open."""
        try:
            return super().data(msg)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise PermanentFailure(
                "The connection to the mail server broke while it took the mail: "
                "it may or may not have been sent.",
                code="delivery_unknown",
            ) from error


def _with_server(policy: Policy, host: str, port: int) -> Policy:
    entry = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Policy((*policy.allow, entry))


def _domain(sender: str) -> str:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return domain if domain.isascii() and domain else "[127.0.0.1]"


def _failure(error: smtplib.SMTPException | OSError) -> RpaError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # Nobody got it. When one may be taken later, all are tried again.
        answers = sorted(error.recipients.values(), key=lambda answer: answer[0])
        return _refusal(*answers[0])
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        message = f"The mail server cannot do what is needed: {error}"
        return PermanentFailure(message, code="smtp_not_supported")
    if isinstance(error, ssl.SSLCertVerificationError):
        message = (
            f"The mail server's certificate is not trusted: {error.verify_message}."
        )
        return PermanentFailure(message, code="tls_failed")
    if isinstance(error, TimeoutError):
        return TemporaryFailure("The mail server did not answer.", code="timeout")
    return TemporaryFailure(
        "The connection to the mail server broke.", code="connection_failed"
    )


def _refusal(code: int, text: bytes | str) -> RpaError:
    kind = TemporaryFailure if 400 <= code < 500 or code < 0 else PermanentFailure
    message = f"The mail server said: {_reply(code, text)}"
    return kind(message, code=f"smtp_{max(code, 0)}", status=code)


def _reply(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())[:_MAX_REPLY]}"
