"""Mails as JSON; foreign ones, so this runs in a process of its own."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, NamedTuple

from apps.core.types import JsonObject

MAX_BODY = 500_000
MAX_PARTS = 1_000
MAX_ATTACHMENTS = 100
MAX_HEADER = 2_000
MAX_ADDRESSES = 200
# What a damaged mail makes the library raise.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class RawMail(NamedTuple):
    """A mail as it was fetched.

    Attributes:
        is_whole: whether it is more than the header.
    """

    uid: int
    size: int
    flags: list[str]
    content: bytes
    is_whole: bool


def parse_mails(mails: list[RawMail], with_content: bool) -> list[JsonObject]:
    """Each mail as a mapping; damaged parts are left out, never the whole mail.

    Args:
        with_content: give the content of attachments too, as bytes in `content`.
    """
    return [_parsed(mail, with_content) for mail in mails]


def _parsed(mail: RawMail, with_content: bool) -> JsonObject:
    found: JsonObject = {
        "uid": mail.uid,
        "size": mail.size,
        "flags": mail.flags,
        "is_whole": mail.is_whole,
    }
    message = _tried(lambda: BytesParser(policy=default).parsebytes(mail.content))
    if not isinstance(message, EmailMessage):
        message = EmailMessage()
    found |= {
        "message_id": _header(message, "Message-ID"),
        "in_reply_to": _header(message, "In-Reply-To"),
        "subject": _header(message, "Subject") or "",
        "date": _date(message),
        "from": next(iter(_addresses(message, "From")), None),
        "reply_to": next(iter(_addresses(message, "Reply-To")), None),
        "to": _addresses(message, "To"),
        "cc": _addresses(message, "Cc"),
    }
    return found | _content(message, with_content)


def _content(message: EmailMessage, with_content: bool) -> JsonObject:
    texts: dict[str, str | None] = {"plain": None, "html": None}
    attachments: list[JsonObject] = []
    for part in _parts(message):
        kind = part.get_content_subtype()
        is_text = part.get_content_maintype() == "text" and kind in texts
        is_attached = part.get_content_disposition() == "attachment"
        name = _tried(part.get_filename)
        if is_text and not is_attached and not name and texts[kind] is None:
            texts[kind] = _text(part)
        elif (name or is_attached) and len(attachments) < MAX_ATTACHMENTS:
            attachments.append(_attachment(part, name, with_content))
    return {
        "text": texts["plain"],
        "html": texts["html"],
        "attachments": attachments,
    }


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that hold something, of mails inside this one too."""
    waiting: list[Any] = [message]
    count = 0
    while waiting and count < MAX_PARTS:
        part = waiting.pop()
        count += 1
        if part.is_multipart():
            waiting.extend(reversed(part.get_payload()))
        elif isinstance(part, EmailMessage):
            yield part


def _text(part: EmailMessage) -> str | None:
    content = _tried(lambda: part.get_payload(decode=True))
    if not isinstance(content, bytes):
        return None
    charset = str(part.get_content_charset() or "utf-8")
    try:
        text = content.decode(charset, "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return _clean(text.replace("\r\n", "\n"))[:MAX_BODY]


def _attachment(part: EmailMessage, name: object, with_content: bool) -> JsonObject:
    content = _tried(lambda: part.get_payload(decode=True))
    data = content if isinstance(content, bytes) else b""
    facts: JsonObject = {
        "name": _clean(str(name or ""))[:255],
        "content_type": _clean(part.get_content_type())[:200],
        "bytes": len(data),
    }
    return facts | ({"content": data} if with_content else {})


def _header(message: EmailMessage, name: str) -> str | None:
    value = _tried(lambda: message[name])
    return None if value is None else " ".join(_clean(str(value)).split())[:MAX_HEADER]


def _date(message: EmailMessage) -> str | None:
    """The time that the sender states, as ISO 8601 in UTC."""
    moment = _tried(lambda: message["Date"].datetime)
    if not isinstance(moment, datetime):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    utc = _tried(lambda: aware.astimezone(UTC).isoformat())
    return str(utc).replace("+00:00", "Z") if utc else None


def _addresses(message: EmailMessage, name: str) -> list[JsonObject]:
    found: tuple[Address, ...] = _tried(lambda: message[name].addresses) or ()
    return [
        {
            "name": _clean(one.display_name)[:MAX_HEADER],
            "address": _clean(one.addr_spec)[:MAX_HEADER],
        }
        for one in found[:MAX_ADDRESSES]
    ]


def _tried(read: Callable[[], Any]) -> Any:
    """What it gives; None where the mail is damaged there."""
    try:
        return read()
    except _DAMAGE:
        return None


def _clean(text: str) -> str:
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
