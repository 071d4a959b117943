"""The transport under `requests`: one exchange over a guarded connection."""

import functools
import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import urlsplit

import certifi
import requests
from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from apps.core.egress import Policy, Resolver, connect, resolve_by_system
from apps.core.egress.origins import Origin, parse_origin
from apps.core.errors import PermanentFailure
from apps.core.http.connection import GuardedConnection
from apps.core.http.content import Body
from apps.core.http.failures import as_failure
from apps.core.http.limits import Deadline, Limits
from apps.core.http.pool import Pool

# RFC 9110: doing these twice has the effect of doing them once.
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_STALE = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class GuardedAdapter(BaseAdapter):
    """Sends prepared requests to allowed addresses only, without following redirects.

    Args:
        defaults: the limits of calls that bring none of their own, in seconds and
            bytes: `timeout_s`, `max_bytes`, `connect_timeout_s`.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        timeout_s: float,
        max_bytes: int,
        connect_timeout_s: float,
        resolve: Resolver = resolve_by_system,
    ) -> None:
        super().__init__()
        self._policy, self._resolve = policy, resolve
        self._timeout_s, self._max_bytes = timeout_s, max_bytes
        self._connect_timeout_s = connect_timeout_s
        self._pool = Pool()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The entry for a `requests.Session`; `timeout` bounds the whole exchange."""
        numbers = timeout if isinstance(timeout, tuple) else (timeout,)
        given = [float(number) for number in numbers if number is not None]
        seconds = min([self._timeout_s, sum(given)]) if given else self._timeout_s
        response = self.exchange(request, self.limits(seconds), verify)
        if not stream:
            response.content  # noqa: B018 - reading it now keeps it under the deadline
        return response

    def limits(self, timeout: Any = None, max_bytes: int | None = None) -> Limits:
        """The limits of a call that starts now."""
        return Limits(
            Deadline.after(self._timeout_s if timeout is None else timeout),
            self._max_bytes if max_bytes is None else max_bytes,
            self._connect_timeout_s,
        )

    def exchange(
        self, request: requests.PreparedRequest, limits: Limits, verify: bool | str
    ) -> requests.Response:
        """Send a request and read the answer's head; its body waits to be read.

        Raises:
            EgressRefused: the destination is forbidden.
            TemporaryFailure: no connection, no answer in time.
            PermanentFailure: bad URL, certificate or answer.
        """
        url, method = str(request.url), str(request.method)
        origin = parse_origin(url)
        is_repeatable = method in _REPEATABLE
        kept = self._pool.take((origin, verify), is_repeatable=is_repeatable)
        try:
            if kept is not None:
                kept.use_for(limits)
                try:
                    return self._ask(kept, request, verify)
                except _STALE:
                    if not is_repeatable or not _is_plain(request.body):
                        raise
            return self._ask(self._open(origin, limits, verify), request, verify)
        except (OSError, HTTPException) as error:
            raise as_failure(error, limits.deadline) from error

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()

    def _open(
        self, origin: Origin, limits: Limits, verify: bool | str
    ) -> GuardedConnection:
        def dial(host: str, port: int, timeout_s: float) -> Any:
            policy, resolve = self._policy, self._resolve
            return connect(
                host, port, policy=policy, timeout=timeout_s, resolve=resolve
            )

        tls = trust(verify) if origin.scheme == "https" else None
        return GuardedConnection(origin, limits, dial, tls)

    def _ask(
        self,
        connection: GuardedConnection,
        request: requests.PreparedRequest,
        verify: bool | str,
    ) -> requests.Response:
        try:
            _write(connection, request)
            answer = connection.getresponse()
            if answer.status < 200:
                message = f"The server answered {answer.status} and nothing after it."
                raise PermanentFailure(message, code="bad_response")
        except BaseException:
            connection.abandon()
            raise
        connection.headers_done()

        def finish(is_reusable: bool) -> None:
            if is_reusable:
                self._pool.put((connection.origin, verify), connection)
            else:
                connection.abandon()

        return _as_response(request, answer, Body(answer, connection.limits, finish))


@functools.lru_cache(maxsize=32)
def trust(verify: bool | str) -> ssl.SSLContext:
    """TLS 1.2 or newer; trusted roots from certifi, or from the file `verify`."""
    roots = certifi.where() if isinstance(verify, bool) else verify
    try:
        context = ssl.create_default_context(cafile=roots)
    except OSError as error:
        message = f"The trusted roots in {roots!r} cannot be read."
        raise PermanentFailure(message, code="invalid_request") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_plain(body: object) -> bool:
    return body is None or isinstance(body, str | bytes)


def _write(connection: GuardedConnection, request: requests.PreparedRequest) -> None:
    parts = urlsplit(str(request.url))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = request.headers
    connection.putrequest(
        str(request.method), path, skip_host=True, skip_accept_encoding=True
    )
    connection.putheader("Host", connection.origin.host_header)
    for name, value in headers.items():
        connection.putheader(name, value)
    body = request.body.encode() if isinstance(request.body, str) else request.body
    chunked = "Transfer-Encoding" in headers
    try:
        connection.endheaders(cast(Any, body), encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        # A server may answer (413, 401) and hang up before it has read the body.
        if body is None or connection.sock is None:
            raise


def _as_response(
    request: requests.PreparedRequest, answer: HTTPResponse, body: Body
) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = answer.status, answer.reason
    response.headers = CaseInsensitiveDict()
    for name, value in answer.headers.items():
        known = response.headers.get(name)
        response.headers[name] = value if known is None else f"{known}, {value}"
    response.encoding = get_encoding_from_headers(response.headers)
    response.raw = body
    response.url, response.request = str(request.url), request
    extract_cookies_to_jar(response.cookies, request, body)  # type: ignore[no-untyped-call]
    return response
