"""A session with an IMAP server, on a socket that the egress guard opened."""

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from apps.core.egress import Policy, connect
from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.steps.mailboxes.names import mailbox, uid_set

Tls = Literal["implicit", "starttls", "none"]
MAX_MAIL_BYTES = 25 * 1024 * 1024
# A server that sends more than this in one session is not read to its end.
MAX_SESSION_BYTES = 96 * 1024 * 1024
_MAX_WORDS = 300
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,19})\b")
_FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)")


class Server(NamedTuple):
    """Where the mailbox is.

    Attributes:
        tls: `starttls` never falls back to an open connection.
    """

    host: str
    port: int
    tls: Tls


class Credentials(NamedTuple):
    """Who signs in: with a password, or with an OAuth 2 access token."""

    user: str
    password: str | None
    token: str | None


class Listed(NamedTuple):
    """A mail as the server lists it."""

    uid: int
    size: int
    flags: list[str]


class Mailbox:
    """One folder of a mailbox, open."""

    def __init__(self, server: "_Connection") -> None:
        self._server = server

    @property
    def validity(self) -> int | None:
        """While this number stays, a UID means the same mail."""
        found = self._server.response("UIDVALIDITY")[1]
        return int(found[0]) if found and found[0] else None

    def search(self, criteria: list[str], literal: bytes | None) -> list[int]:
        """UIDs of the mails that fit, the oldest first.

        Args:
            literal: a text in UTF-8 that stands behind the last of the criteria.
        """
        if literal is not None:
            connection: Any = self._server
            connection.literal = literal  # the library sends it at the end
            criteria = ["CHARSET", "UTF-8", *criteria]
        found = self._do("SEARCH", *criteria)
        texts = b" ".join(part for part in found if part).split()
        return sorted({int(text) for text in texts if text.isdigit()})

    def listed(self, uids: list[int]) -> list[Listed]:
        """Sizes and flags, in the order of `uids`; mails that are gone are left out."""
        if not uids:
            return []
        found: dict[int, Listed] = {}
        for part in self._do("FETCH", uid_set(uids), "(UID FLAGS RFC822.SIZE)"):
            line = part[0] if isinstance(part, tuple) else part
            uid, size = _UID.search(line or b""), _SIZE.search(line or b"")
            if uid and size:
                flags = _FLAGS.search(line)
                words = flags[1].decode("ascii", "replace").split() if flags else []
                found[int(uid[1])] = Listed(int(uid[1]), int(size[1]), words)
        return [found[uid] for uid in uids if uid in found]

    def fetch(self, uid: int, part: Literal["", "HEADER"]) -> bytes | None:
        """The mail or its header as it was sent; None when it is gone.

        It does not become read by it.
        """
        for answer in self._do("FETCH", str(uid), f"(UID BODY.PEEK[{part}])"):
            if isinstance(answer, tuple):
                content: bytes = answer[1]
                return content
        return None

    def mark(self, uids: list[int], flag: str, *, on: bool) -> None:
        """Set or remove a flag such as `\\Seen`."""
        self._do("STORE", uid_set(uids), "+FLAGS" if on else "-FLAGS", f"({flag})")

    def move(self, uids: list[int], folder: str) -> bool:
        """Move mails; False when only a server's cleaning will remove the originals."""
        capabilities = self._server.capabilities
        if "MOVE" in capabilities:
            self._do("MOVE", uid_set(uids), mailbox(folder))
            return True
        self._do("COPY", uid_set(uids), mailbox(folder))
        self.mark(uids, r"\Deleted", on=True)
        # Without UIDPLUS, expunging would remove others' deleted mails too.
        if "UIDPLUS" not in capabilities:
            return False
        self._do("EXPUNGE", uid_set(uids))
        return True

    def _do(self, command: str, *arguments: str) -> list[Any]:
        with _naming_failures():
            status, answer = self._server.uid(command, *arguments)
        if status != "OK":
            raise _refused(command, answer)
        return list(answer)


@contextlib.contextmanager
def opened(
    server: Server,
    credentials: Credentials,
    folder: str,
    *,
    policy: Policy,
    timeout_s: float,
    is_readonly: bool,
) -> Iterator[Mailbox]:
    """The folder, open for the length of the block.

    Args:
        timeout_s: for each answer of the server.

    Raises:
        EgressRefused: the server is where nobody may connect to.
        TemporaryFailure: `dns_failed`, `connection_failed`, `timeout`.
        PermanentFailure: `login_failed`, `folder_not_found`, `tls_failed`,
            `imap_refused`, `imap_broken`.
    """
    with _naming_failures():
        connection = _Connection(server, policy, timeout_s)
    try:
        with _naming_failures():
            connection.sign_in(credentials)
            status, answer = connection.select(mailbox(folder), readonly=is_readonly)
        if status != "OK":
            raise PermanentFailure(
                f"The folder {folder!r} cannot be opened: {_words(answer)}",
                code="folder_not_found",
            )
        yield Mailbox(connection)
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            connection.logout()
    finally:
        with contextlib.suppress(OSError):
            connection.shutdown()


@contextlib.contextmanager
def _naming_failures() -> Iterator[None]:
    try:
        yield
    except (imaplib.IMAP4.error, OSError) as error:
        raise _failure(error) from error


class _Connection(imaplib.IMAP4):
    """The library's session, with bounds on what it reads."""

    def __init__(self, server: Server, policy: Policy, timeout_s: float) -> None:
        self._server = server
        self._policy = policy
        self._left = MAX_SESSION_BYTES
        super().__init__(server.host, server.port, timeout_s)
        if server.tls == "starttls":
            try:
                self.starttls(ssl.create_default_context())
            except BaseException:
                with contextlib.suppress(OSError):
                    self.shutdown()
                raise

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = connect(
            self._server.host,
            self._server.port,
            policy=self._policy,
            timeout=timeout or 30.0,
        )
        if self._server.tls != "implicit":
            return plain
        try:
            context = ssl.create_default_context()
            return context.wrap_socket(plain, server_hostname=self._server.host)
        except BaseException:
            plain.close()
            raise

    def read(self, size: int) -> bytes:
        """A literal, whose size the server states."""
        self._spend(size)
        content = super().read(size)
        if len(content) < size:
            raise self.abort("the connection ended")
        return content

    def readline(self) -> bytes:
        """A line."""
        line = super().readline()
        self._spend(len(line))
        return line

    def sign_in(self, credentials: Credentials) -> None:
        """Sign in by the way that fits.

        Raises:
            PermanentFailure: `login_failed`.
        """
        user, password, token = credentials
        try:
            if token is not None:
                text = f"user={user}\x01auth=Bearer {token}\x01\x01"
                self.authenticate("XOAUTH2", lambda _: text.encode())
            elif (user + (password or "")).isascii():
                self.login(user, password or "")
            else:
                plain = f"\0{user}\0{password or ''}"
                self.authenticate("PLAIN", lambda _: plain.encode())
        except self.abort:
            raise
        except self.error as error:
            words = _words([str(error)])
            message = f"The mail server refused to sign in: {words}"
            raise PermanentFailure(message, code="login_failed") from error

    def _spend(self, size: int) -> None:
        self._left -= size
        if size > MAX_MAIL_BYTES + 1024 or self._left < 0:
            raise PermanentFailure(
                "The mail server sends more than is taken.", code="imap_broken"
            )


def _refused(command: str, answer: list[Any]) -> PermanentFailure:
    return PermanentFailure(
        f"The mail server refused {command}: {_words(answer)}", code="imap_refused"
    )


def _failure(error: Exception) -> RpaError:
    if isinstance(error, ssl.SSLCertVerificationError):
        message = (
            f"The mail server's certificate is not trusted: {error.verify_message}."
        )
        return PermanentFailure(message, code="tls_failed")
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return TemporaryFailure("The mail server did not answer.", code="timeout")
    if isinstance(error, OSError):
        return TemporaryFailure(
            "The connection to the mail server broke.", code="connection_failed"
        )
    words = _words([str(error)])
    if "TLS not supported" in words:
        message = "The mail server has no STARTTLS."
        return PermanentFailure(message, code="tls_failed")
    if isinstance(error, imaplib.IMAP4.abort) and "unexpected" not in words:
        message = f"The connection to the mail server broke: {words}"
        return TemporaryFailure(message, code="connection_failed")
    message = f"The mail server does not speak IMAP as it should: {words}"
    return PermanentFailure(message, code="imap_broken")


def _words(answer: list[Any]) -> str:
    parts = [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for part in answer
        if part
    ]
    return " ".join(" ".join(parts).split())[:_MAX_WORDS] or "without a reason"
