"""A call and the requests it becomes, one for each redirect."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.cookies import RequestsCookieJar, get_cookie_header
from requests.structures import CaseInsensitiveDict

from apps.core.egress.origins import parse_origin
from apps.core.errors import PermanentFailure
from apps.core.http.headers import without_secrets
from apps.core.http.response import Hop

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_HEADERS = ("Content-Length", "Content-Type", "Transfer-Encoding")


def prepare(method: str, url: str, **parts: Any) -> requests.PreparedRequest:
    """A request ready to be sent, its body encoded by `requests`.

    Raises:
        PermanentFailure: `invalid_url` or `invalid_request`.
    """
    parse_origin(url)  # before `requests` tidies up what should be refused
    if not (method.isascii() and method.isalpha()) or len(method) > 20:
        raise _invalid(f"{method[:30]!r} is no method.")
    if method.upper() == "CONNECT":
        raise _invalid("CONNECT is for proxies.")
    try:
        return requests.Request(method.upper(), url, **parts).prepare()
    except (requests.RequestException, ValueError, TypeError) as error:
        raise _invalid(f"The request cannot be sent: {error}") from error


@dataclass
class Journey:
    """One call on its way through redirects.

    Cookies that servers set are kept for the rest of the journey only.
    """

    request: requests.PreparedRequest
    max_redirects: int
    secret_headers: Collection[str] = ()
    history: list[Hop] = field(default_factory=list)
    _cookies: RequestsCookieJar = field(default_factory=RequestsCookieJar)
    _is_cookie_ours: bool = False

    def go_on(self, response: requests.Response) -> bool:
        """Make `request` the next one; False when `response` is the final answer.

        Raises:
            PermanentFailure: `too_many_redirects` or `bad_redirect`.
        """
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or location is None:
            return False
        if len(self.history) >= self.max_redirects:
            message = f"More than {self.max_redirects} redirects."
            raise PermanentFailure(message, code="too_many_redirects")
        here = shown_url(str(response.url))
        self.history.append(Hop(response.status_code, here))
        self._cookies.update(response.cookies)
        self._turn(response.status_code, _target(here, location))
        return True

    def _turn(self, status: int, url: str) -> None:
        old, new = self.request, self.request.copy()
        _set_url(new, url)
        start, target = parse_origin(str(old.url)), parse_origin(str(new.url))
        if start.scheme == "https" and target.scheme == "http":
            raise _bad_redirect(f"{start} sends us to {target}, which is not secure.")
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(old.headers)
        if not target.keeps_secrets_of(start):
            headers = without_secrets(headers, self.secret_headers)
        new.headers = headers
        if (changed := _method_after(status, str(old.method))) != old.method:
            _drop_body(new)
            new.method = changed
        else:
            _rewind(new.body)
        self._add_cookies(new)
        self.request = new

    def _add_cookies(self, request: requests.PreparedRequest) -> None:
        if self._is_cookie_ours:
            request.headers.pop("Cookie", None)
        elif "Cookie" in request.headers:
            return
        found = get_cookie_header(self._cookies, request)  # type: ignore[no-untyped-call]
        self._is_cookie_ours = bool(found)
        if found:
            request.headers["Cookie"] = found


def shown_url(url: str) -> str:
    """The URL without user, password and fragment."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


def _target(here: str, location: str) -> str:
    # Headers arrive as Latin-1; many servers put UTF-8 paths in them.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode()
    try:
        url = urljoin(here, location)
        parse_origin(url)
    except (ValueError, PermanentFailure) as error:
        raise _bad_redirect(f"A redirect leads nowhere: {error}") from error
    if "@" in urlsplit(url).netloc:
        raise _bad_redirect("A redirect brings a user name with it.")
    return url


def _set_url(request: requests.PreparedRequest, url: str) -> None:
    try:
        request.prepare_url(url, None)
    except (requests.RequestException, ValueError) as error:
        raise _bad_redirect(f"A redirect leads nowhere: {error}") from error


def _method_after(status: int, method: str) -> str:
    if status == 303 and method != "HEAD":
        return "GET"
    return "GET" if status in (301, 302) and method == "POST" else method


def _drop_body(request: requests.PreparedRequest) -> None:
    request.body = None
    for name in _BODY_HEADERS:
        request.headers.pop(name, None)


def _rewind(body: Any) -> None:
    if body is None or isinstance(body, str | bytes):
        return
    try:
        body.seek(0)
    except (AttributeError, OSError) as error:
        raise _bad_redirect("The body cannot be sent a second time.") from error


def _invalid(message: str) -> PermanentFailure:
    return PermanentFailure(message, code="invalid_request")


def _bad_redirect(message: str) -> PermanentFailure:
    return PermanentFailure(message, code="bad_redirect")
