"""Which addresses a step may open, and why the proxy did not open one."""

import re
import socket
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure

MAX_URL = 8_000
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
# Browsers drop tabs and line ends inside an address and read `\` as `/`.
_HIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
# What a workflow's own proxy refuses is refused next time as well.
_LASTING = frozenset({"proxy_refused", "proxy_auth_failed"})
_PORTS = {"http": 80, "https": 443}


def checked_url(url: str) -> str:
    """The address, once it is plain http or https.

    Raises:
        PermanentFailure: `scheme_refused` or `invalid_url`.
    """
    url = url.strip()
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if scheme not in _PORTS:
        shown = f"{scheme}:" if scheme else "an address without a scheme"
        raise PermanentFailure(
            f"Browsers open http and https pages only, not {shown}.",
            code="scheme_refused",
        )
    if len(url) > MAX_URL or _HIDDEN.search(url):
        message = f"An address has up to {MAX_URL} characters, and no spaces or \\."
        raise PermanentFailure(message, code="invalid_url")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise PermanentFailure("The address has no valid host.", code="invalid_url")
    return url


def shown_url(url: str) -> str:
    """An address for messages: without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:300]


def url_pattern(text: str) -> re.Pattern[str]:
    """What finds a text in an address; `*` in it stands for anything."""
    # Backtracking stays small: each `.*` is followed by a literal text.
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", text))))


def ask_proxy(
    proxy: tuple[str, int], url: str, timeout_s: float = 10.0
) -> RpaError | None:
    """Why the egress proxy opens no connection for an address; None when it does."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    connection = HTTPConnection(*proxy, timeout=timeout_s)
    try:
        connection.request("CONNECT", _authority(parts))
        answer = connection.getresponse()
        if 200 <= answer.status < 300:
            return None
        reason = answer.headers.get("X-Egress-Refused")
    except (OSError, HTTPException, socket.gaierror):
        return None
    finally:
        connection.close()
    where = shown_url(url)
    if reason is None:
        code = answer.headers.get("X-Egress-Error", "connection_failed")
        message = f"{where} could not be reached: {code.replace('_', ' ')}."
        kind = PermanentFailure if code in _LASTING else TemporaryFailure
        return kind(message, code=code)
    message = f"{where} may not be opened: {reason}."
    return PermanentFailure(message, code="egress_refused", reason=reason)


def _authority(parts: SplitResult) -> str:
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
