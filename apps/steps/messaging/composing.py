"""Makes the message that goes out."""

import hashlib
import mimetypes
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from apps.core.text import has_controls

MAX_SUBJECT = 150
_BODY_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean_subject(text: str) -> str:
    """One line without characters that hide or turn others, of 150 at most."""
    kept = (" " if one == "\t" else one for one in text)
    line = "".join(one for one in kept if not has_controls(one, one_line=True))
    if len(line) > MAX_SUBJECT:
        line = line[: MAX_SUBJECT - 1].rstrip() + "…"
    return line


def message_id(key: str, domain: str) -> str:
    """The same for the same key, so that receivers see a second copy as one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def compose(
    *,
    to: Iterable[Address],
    cc: Iterable[Address],
    reply_to: Address | None,
    subject: str,
    text: str | None,
    html: str | None,
) -> EmailMessage:
    """The message with its bodies; hidden recipients stand in no header."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["To"] = tuple(to)
    if copied := tuple(cc):
        message["Cc"] = copied
    if reply_to is not None:
        message["Reply-To"] = reply_to
    message["Date"] = format_datetime(datetime.now(UTC))
    # Or two programs that answer each mail would go on for ever.
    message["Auto-Submitted"] = "auto-generated"
    if text is not None:
        message.set_content(_body(text))
    if html is not None and text is not None:
        message.add_alternative(_body(html), subtype="html")
    elif html is not None:
        message.set_content(_body(html), subtype="html")
    return message


def attach(message: EmailMessage, name: str, content: bytes) -> None:
    """Add a file; its type follows from its name."""
    guessed, packed = mimetypes.guess_type(name)
    kind = guessed if guessed and not packed else "application/octet-stream"
    main, _, sub = kind.partition("/")
    message.add_attachment(content, maintype=main, subtype=sub, filename=name)


def _body(text: str) -> str:
    return _BODY_CONTROLS.sub("", text)
