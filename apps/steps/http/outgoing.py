"""What the steps that call web servers have in common."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import StringConstraints

from apps.core.egress.origins import parse_origin
from apps.core.errors import PermanentFailure, RpaError
from apps.core.http import Response, raise_for_outcome
from apps.core.http.outcome import Answer
from apps.steps.context import StepContext

Url = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
HeaderValue = Annotated[str, StringConstraints(max_length=16_384)]
Headers = dict[HeaderName, HeaderValue]

MAX_EXCERPT = 500
_LEAST_TIMEOUT_S = 0.001
# Any other header may be a key, and stays behind when a redirect leads elsewhere.
_HARMLESS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-language",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "range",
        "user-agent",
    }
)


def secret_headers(names: Iterable[str]) -> list[str]:
    """Those of the headers that no other host may see."""
    return [name for name in names if name.lower() not in _HARMLESS]


def has_header(headers: Mapping[str, str], name: str) -> bool:
    """Whether the headers have one of that name, in any case."""
    return name.lower() in (given.lower() for given in headers)


def bounded_timeout(ctx: StepContext, wanted: timedelta) -> float:
    """Seconds for a call: as wanted, but within what is left to the step."""
    seconds = wanted.total_seconds()
    remaining = ctx.remaining()
    if remaining is not None:
        seconds = min(seconds, remaining)
    return max(seconds, _LEAST_TIMEOUT_S)


def shown(url: str) -> str:
    """The URL without what may be secret in it, for summaries."""
    try:
        return f"{parse_origin(url)}{urlsplit(url).path}"[:200]
    except (RpaError, ValueError):
        return "an address that is no URL"


def require(
    answer: Answer, is_expected: Callable[[int], bool], excerpt: str = ""
) -> None:
    """Pass when the status is expected.

    Args:
        excerpt: of the answer's body, for the error's details.

    Raises:
        TemporaryFailure, PermanentFailure: `http_<status>`, see `raise_for_outcome`.
    """
    if is_expected(answer.status):
        return
    details = {"body": excerpt} if excerpt else {}
    try:
        raise_for_outcome(answer)
    except RpaError as error:
        error.details |= details
        raise
    status = answer.status
    raise PermanentFailure(
        f"{parse_origin(answer.url)} answered {status}, which is not expected.",
        code=f"http_{status}",
        status=status,
        **details,
    )


def excerpt_of(response: Response) -> str:
    """The beginning of the body, as people may want to see it in an error."""
    return response.text[:MAX_EXCERPT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def is_success(status: int) -> bool:
    """Whether the status is one of 200-299."""
    return 200 <= status < 300
