"""Texts as IMAP commands take them."""

import base64
import re
from datetime import date

from apps.core.text import has_controls

# Python's own names of months follow the language of the machine.
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_FOREIGN = re.compile(r"[^\x20-\x7e]+")


def one_line(text: str) -> str:
    """The text, once nothing in it can end a command.

    Raises:
        ValueError: it holds control characters.
    """
    if has_controls(text, one_line=True):
        raise ValueError("must not hold line ends or other control characters")
    return text


def quoted(text: str) -> str:
    """An ASCII text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mailbox(name: str) -> str:
    """The name of a folder in modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    return quoted(_FOREIGN.sub(_encoded, name.replace("&", "&-")))


def day(moment: date) -> str:
    """A date as searches take it, such as `1-Mar-2026`."""
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year:04}"


def uid_set(uids: list[int]) -> str:
    """Numbers with commas between them."""
    return ",".join(map(str, uids))


def _encoded(match: re.Match[str]) -> str:
    packed = base64.b64encode(match[0].encode("utf-16-be", "replace")).decode()
    return f"&{packed.rstrip('=').replace('/', ',')}-"
