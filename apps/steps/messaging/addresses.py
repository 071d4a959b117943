"""Mail addresses as people write them, and nothing that could be more than one."""

import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Any

from apps.core.egress import InvalidHost, normalize_host
from apps.core.text import has_controls

MAX_ADDRESS = 320
# A line end, a NUL, or a word that mail programs decode into one.
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[bq]\?", re.IGNORECASE)
_NAMED = re.compile(
    r'\s*(?:"(?P<quoted>[^"<>\\]*)"|(?P<name>[^"<>]*?))\s*<(?P<at>[^<>]*)>'
)
_LOCAL = re.compile(r"[^\s\"(),:;<>@\[\\\]\x00-\x1f\x7f]{1,64}")


def is_safe(text: str) -> bool:
    """Whether a text can stand in a header without becoming another one."""
    return not has_controls(text, one_line=True) and not _ENCODED_WORD.search(text)


def parse_address(text: str) -> Address:
    """The address of `bob@example.com` or `Bob <bob@example.com>`.

    Raises:
        ValueError: it is none, or could be taken for more than one.
    """
    if not is_safe(text) or len(text) > MAX_ADDRESS:
        raise ValueError("is no mail address: it has characters that cannot be there")
    match = _NAMED.fullmatch(text.strip())
    spec = (match["at"] if match else text).strip()
    name = ((match["quoted"] or match["name"] or "") if match else "").strip()
    local, at, domain = spec.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        raise ValueError("is no mail address, such as bob@example.com")
    try:
        return Address(name, local, _domain(domain))
    except (HeaderParseError, InvalidHost, ValueError, IndexError) as error:
        raise ValueError("is no mail address, such as bob@example.com") from error


def _domain(text: str) -> str:
    """The domain as DNS has it."""
    domain = normalize_host(text)
    if "." not in domain and domain != "localhost":
        raise ValueError("has no domain")
    if domain.rpartition(".")[2].isdigit() or ":" in domain:
        raise ValueError("is an IP address")
    return domain


def listed(given: Any) -> Any:
    """A text as a list: one address, or several with commas between them."""
    if not isinstance(given, str):
        return given
    if '"' in given:
        return [given]
    return [part.strip() for part in given.split(",")]


def checked(addresses: list[str]) -> list[str]:
    """The addresses, once each of them is one.

    Raises:
        ValueError: names the place of the one that is none; not the text itself.
    """
    for index, text in enumerate(addresses):
        try:
            parse_address(text)
        except ValueError as error:
            raise ValueError(f"entry {index + 1} {error}") from error
    return addresses
