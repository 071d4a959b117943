"""An IMAP server for tests: what RFC 3501 asks of the commands that are used here."""

import contextlib
import re
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|\(([^)]*)\)|(\S+)')


@dataclass
class StoredMail:
    """A mail in a folder."""

    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)
    day: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def header(self, name: str) -> str:
        """A header's line, as it stands there."""
        head = self.content.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        found = re.search(rf"(?mi)^{name}: (.*)$", head)
        return found[1] if found else ""


@dataclass
class ImapServer:
    """What the server has and was told.

    Attributes:
        folders: mails by the folder's name as it is on the wire.
        capabilities: what it says it can do.
        says: answers instead of its own, by the first words of a command.
        commands: what it was sent, without tags.
    """

    port: int = 0
    folders: dict[str, list[StoredMail]] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 MOVE UIDPLUS"
    says: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    greeting: bytes = b"* OK ready\r\n"

    def put(self, content: bytes, folder: str = "INBOX", **facts: object) -> StoredMail:
        """Lay a mail into a folder."""
        mails = self.folders.setdefault(folder, [])
        uid = max((mail.uid for mail in mails), default=0) + 1
        mails.append(StoredMail(**{"uid": uid, "content": content} | facts))  # type: ignore[arg-type]
        return mails[-1]


class _Session:
    """One connection."""

    def __init__(self, server: ImapServer, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.file = sock.makefile("rb")
        self.folder: list[StoredMail] = []
        self.tag = b""

    def run(self) -> None:
        self.send(self.server.greeting)
        while line := self.file.readline():
            tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
            self.tag = tag
            while match := re.search(rb"\{(\d+)\}$", rest):
                self.send(b"+ go on\r\n")
                literal = self.file.read(int(match[1]))
                more = self.file.readline().rstrip(b"\r\n")
                rest = rest[: match.start()] + b'"' + literal + b'"' + more
            self.server.commands.append(rest.decode("utf-8", "replace"))
            if not self.answer(rest):
                return

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def done(self, text: bytes = b"OK done") -> bool:
        self.send(self.tag + b" " + text + b"\r\n")
        return True

    def answer(self, command: bytes) -> bool:
        for start, said in self.server.says.items():
            if command.decode("utf-8", "replace").startswith(start):
                self.send(said.replace(b"TAG", self.tag))
                return b"BYE" not in said
        found = [next(filter(None, m.groups()), b"") for m in _TOKEN.finditer(command)]
        words = [re.sub(rb"\\(.)", rb"\1", word) for word in found]
        if words[1:2] == [b"STORE"]:
            words[4] = found[4]  # flags begin with a backslash
        name = words[0].decode().upper()
        if name == "UID":
            return getattr(self, f"do_uid_{words[1].decode().lower()}")(words[2:])
        return getattr(self, f"do_{name.lower()}")(words[1:])

    def do_capability(self, _: list[bytes]) -> bool:
        self.send(f"* CAPABILITY {self.server.capabilities}\r\n".encode())
        return self.done()

    def do_starttls(self, _: list[bytes]) -> bool:
        assert self.server.tls is not None
        self.done()
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.file = self.sock.makefile("rb")
        return True

    def do_login(self, words: list[bytes]) -> bool:
        right = words[1:] == [b"right"]
        return self.done(b"OK in" if right else b"NO [AUTHENTICATIONFAILED] no")

    def do_authenticate(self, words: list[bytes]) -> bool:
        self.send(b"+ \r\n")
        given = b64decode(self.file.readline())
        self.server.commands.append(given.decode())
        right = b"right" in given
        return self.done(b"OK in" if right else b"NO [AUTHENTICATIONFAILED] no")

    def do_select(self, words: list[bytes]) -> bool:
        name = words[0].decode()
        if name not in self.server.folders:
            return self.done(b"NO no such folder")
        self.folder = self.server.folders[name]
        self.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY 77] fine\r\n" % len(self.folder))
        return self.done()

    do_examine = do_select

    def do_logout(self, _: list[bytes]) -> bool:
        self.send(b"* BYE\r\n")
        self.done()
        return False

    def do_uid_search(self, words: list[bytes]) -> bool:
        texts = [word.decode() for word in words]
        found = [mail for mail in self.folder if _fits(mail, texts)]
        uids = " ".join(str(mail.uid) for mail in found)
        self.send(f"* SEARCH {uids}\r\n".encode())
        return self.done()

    def do_uid_fetch(self, words: list[bytes]) -> bool:
        wants = b" ".join(words[1:])
        for mail in self.among(words[0]):
            flags = " ".join(sorted(mail.flags))
            head = f"* {mail.uid} FETCH (UID {mail.uid}".encode()
            if b"RFC822.SIZE" in wants:
                size = len(mail.content)
                more = f" FLAGS ({flags}) RFC822.SIZE {size})\r\n".encode()
                self.send(head + more)
                continue
            body = mail.content
            if b"HEADER" in wants:
                body = body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            self.send(head + b" BODY[] {%d}\r\n" % len(body) + body + b")\r\n")
        return self.done()

    def do_uid_store(self, words: list[bytes]) -> bool:
        for mail in self.among(words[0]):
            flags = set(words[2].decode().split())
            mail.flags = (
                mail.flags | flags if words[1][:1] == b"+" else mail.flags - flags
            )
        return self.done()

    def do_uid_copy(self, words: list[bytes]) -> bool:
        if words[1].decode() not in self.server.folders:
            return self.done(b"NO [TRYCREATE] no such folder")
        for mail in self.among(words[0]):
            self.server.put(mail.content, words[1].decode())
        return self.done()

    def do_uid_move(self, words: list[bytes]) -> bool:
        gone = self.among(words[0])
        if words[1].decode() in self.server.folders:
            self.folder[:] = [mail for mail in self.folder if mail not in gone]
            for mail in gone:
                self.server.put(mail.content, words[1].decode())
            return self.done()
        return self.done(b"NO [TRYCREATE] no such folder")

    def do_uid_expunge(self, words: list[bytes]) -> bool:
        gone = self.among(words[0])
        self.folder[:] = [mail for mail in self.folder if mail not in gone]
        return self.done()

    def among(self, uids: bytes) -> list[StoredMail]:
        wanted = {int(uid) for uid in uids.split(b",")}
        return [mail for mail in self.folder if mail.uid in wanted]


def _fits(mail: StoredMail, words: list[str]) -> bool:
    words = list(words)
    while words:
        key = words.pop(0)
        if key == "ALL":
            continue
        if key == "CHARSET":
            words.pop(0)
        elif key == "UID":
            first, colon, _ = (given := words.pop(0)).partition(":")
            listed = [int(uid) for uid in given.split(",")] if not colon else []
            if mail.uid not in listed and not (colon and mail.uid >= int(first)):
                return False
        elif key in ("SEEN", "UNSEEN", "FLAGGED", "UNFLAGGED"):
            flag = "\\" + key.removeprefix("UN").capitalize()
            if (flag in mail.flags) == key.startswith("UN"):
                return False
        elif key in ("SINCE", "BEFORE"):
            day = datetime.strptime(words.pop(0), "%d-%b-%Y").replace(tzinfo=UTC)
            if (mail.day >= day) != (key == "SINCE"):
                return False
        elif words.pop(0).lower() not in mail.header(key).lower():
            return False
    return True


@contextlib.contextmanager
def running(
    tls: ssl.SSLContext | None = None, *, is_implicit: bool = False
) -> Iterator[ImapServer]:
    """A server on 127.0.0.1 for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ImapServer(listener.getsockname()[1], {"INBOX": []}, tls=tls)
    threads: list[threading.Thread] = []
    open_: list[socket.socket] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if tls is not None and is_implicit:
                sock = tls.wrap_socket(sock, server_side=True)
                open_.append(sock)
            session = _Session(server, sock)
            try:
                session.run()
            finally:
                session.file.close()
                session.sock.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_.append(sock)
                threads.append(threading.Thread(target=serve, args=(sock,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for sock in open_:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in threads:
            thread.join(5)
