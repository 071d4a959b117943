"""The client that steps, channels and providers call web servers with."""

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

import requests
from requests.structures import CaseInsensitiveDict

from apps.core.egress import Policy, Resolver, resolve_by_system
from apps.core.http.adapter import GuardedAdapter
from apps.core.http.calls import Journey, prepare, shown_url
from apps.core.http.headers import checked_headers
from apps.core.http.limits import Limits
from apps.core.http.response import Hop, Response

DEFAULT_MAX_BYTES = 10 * 1024 * 1024
DEFAULT_TIMEOUT = timedelta(seconds=30)
DEFAULT_CONNECT_TIMEOUT = timedelta(seconds=10)


class Options(TypedDict, total=False):
    """What a call may bring beside method and URL.

    `timeout` is in seconds (or a timedelta) for everything, redirects and the whole
    body included; `max_bytes` counts the decoded body. `verify` is True, False or the
    path of a file with trusted roots. `secret_headers` names headers that, like
    `Authorization` and `Cookie`, stay behind when a redirect leads to another host.
    """

    headers: Mapping[str, str] | None
    params: Any
    json: Any
    data: Any
    files: Any
    auth: Any
    timeout: float | timedelta | None
    max_bytes: int | None
    allow_redirects: bool
    max_redirects: int
    verify: bool | str
    secret_headers: Collection[str]


class StreamedResponse:
    """An answer whose body is read piece by piece; iterate over it once."""

    def __init__(self, answer: requests.Response, history: list[Hop]) -> None:
        self.status: int = answer.status_code
        self.headers: CaseInsensitiveDict[str] = answer.headers
        self.url = shown_url(answer.url)
        self.history = tuple(history)
        self._body: Any = answer.raw

    def __iter__(self) -> Iterator[bytes]:
        """The decoded body in pieces of up to 64 KiB."""
        return iter(self._body.stream())


class _Session(requests.Session):
    """A session whose callers see redirects as they are."""

    def resolve_redirects(
        self, *_args: Any, **_options: Any
    ) -> Iterator[requests.Response]:
        return iter(())


class HttpClient:
    """Sends HTTP requests to where the policy allows, within time and size.

    Connections are kept between calls. Calls share nothing else (no cookies, no
    proxies or passwords from the environment), so threads may use one client.

    Args:
        connect_timeout: for each connection, name look-up and TLS included.
        timeout: for a whole call that brings no other.
        max_bytes: of a decoded body.
        resolve: finds the addresses of a host; the operating system by default.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        connect_timeout: timedelta = DEFAULT_CONNECT_TIMEOUT,
        timeout: timedelta = DEFAULT_TIMEOUT,
        max_bytes: int = DEFAULT_MAX_BYTES,
        user_agent: str = "rpa-platform",
        resolve: Resolver = resolve_by_system,
    ) -> None:
        self._user_agent = user_agent
        self._adapter = GuardedAdapter(
            policy,
            timeout_s=timeout.total_seconds(),
            max_bytes=max_bytes,
            connect_timeout_s=connect_timeout.total_seconds(),
            resolve=resolve,
        )

    def send(self, method: str, url: str, **options: Unpack[Options]) -> Response:
        """Send a request and read the answer, whatever its status is.

        Raises:
            EgressRefused: the host, or one a redirect leads to, is forbidden.
            TemporaryFailure: `dns_failed`, `connection_failed` or `timeout`.
            PermanentFailure: `invalid_url`, `invalid_header`, `invalid_request`,
                `bad_redirect`, `too_many_redirects`, `tls_failed`, `bad_response` or
                `response_too_large`.
        """
        started = time.monotonic()
        with self.stream(method, url, **options) as answer:
            content = b"".join(answer)
        elapsed_ms = round((time.monotonic() - started) * 1000)
        head = answer.status, answer.headers
        return Response(*head, content, answer.url, elapsed_ms, answer.history)

    @contextlib.contextmanager
    def stream(
        self, method: str, url: str, **options: Unpack[Options]
    ) -> Iterator[StreamedResponse]:
        """Like `send`, for bodies too large for memory: iterate over the answer."""
        limits = self._adapter.limits(options.get("timeout"), options.get("max_bytes"))
        journey = self._begin(method, url, options)
        follow = options.get("allow_redirects", True)
        answer = self._travel(journey, limits, options.get("verify", True), follow)
        try:
            yield StreamedResponse(answer, journey.history)
        finally:
            answer.raw.close()

    def session(self) -> requests.Session:
        """A `requests` session for client libraries that want one.

        It goes through the same guard and limits; redirects are not followed.
        """
        session = _Session()
        session.trust_env = False
        session.headers["User-Agent"] = self._user_agent
        session.adapters.clear()
        session.mount("http://", self._adapter)
        session.mount("https://", self._adapter)
        return session

    def close(self) -> None:
        """Close the connections that were kept."""
        self._adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _begin(self, method: str, url: str, options: Options) -> Journey:
        headers = {
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }
        given = checked_headers(options.get("headers"))
        names = {name.lower() for name in given}
        kept = {
            name: value for name, value in headers.items() if name.lower() not in names
        }
        parts: dict[str, Any] = {
            name: options.get(name)
            for name in ("params", "json", "data", "files", "auth")
        }
        request = prepare(method, url, headers={**kept, **given}, **parts)
        return Journey(
            request, options.get("max_redirects", 5), options.get("secret_headers", ())
        )

    def _travel(
        self, journey: Journey, limits: Limits, verify: bool | str, follow: bool
    ) -> requests.Response:
        while True:
            answer = self._adapter.exchange(journey.request, limits, verify)
            try:
                if not follow or not journey.go_on(answer):
                    return answer
            except BaseException:
                answer.raw.close()
                raise
            answer.raw.close()
