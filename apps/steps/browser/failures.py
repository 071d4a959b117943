"""What goes wrong with browsers, told in the platform's own errors."""

import contextlib
import json
import re
from collections.abc import Iterator

from selenium.common.exceptions import (
    InsecureCertificateException,
    InvalidSelectorException,
    InvalidSessionIdException,
    JavascriptException,
    NoSuchFrameException,
    NoSuchWindowException,
    StaleElementReferenceException,
    TimeoutException,
    UnexpectedAlertPresentException,
    WebDriverException,
)
from urllib3.exceptions import HTTPError, ReadTimeoutError

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure

_NET_ERROR = re.compile(r"net::(ERR_[A-Z0-9_]+)")
# Chromium's codes for what will be the same next time.
_LASTING = re.compile(
    r"ERR_(CERT_|SSL_|INVALID_|UNKNOWN_URL_SCHEME|DISALLOWED_URL_SCHEME|UNSAFE_|"
    r"TOO_MANY_REDIRECTS|UNSAFE_REDIRECT|BLOCKED_BY_|INSECURE_|RESPONSE_HEADERS_TOO_BIG)"
)
# Firefox's words for them.
_FIREFOX = {
    "certerror": "ERR_CERT_INVALID",
    "connectionFailure": "ERR_CONNECTION_REFUSED",
    "deniedPortAccess": "ERR_UNSAFE_PORT",
    "dnsNotFound": "ERR_NAME_NOT_RESOLVED",
    "malformedURI": "ERR_INVALID_URL",
    "netInterrupt": "ERR_CONNECTION_CLOSED",
    "netOffline": "ERR_INTERNET_DISCONNECTED",
    "netReset": "ERR_CONNECTION_RESET",
    "netTimeout": "ERR_TIMED_OUT",
    "nssBadCert": "ERR_CERT_INVALID",
    "nssFailure2": "ERR_SSL_PROTOCOL_ERROR",
    "proxyConnectFailure": "ERR_PROXY_CONNECTION_FAILED",
    "proxyResolveFailure": "ERR_PROXY_CONNECTION_FAILED",
    "redirectLoop": "ERR_TOO_MANY_REDIRECTS",
    "unknownProtocolFound": "ERR_UNKNOWN_URL_SCHEME",
}
_ERROR_PAGE = re.compile(r"about:(?:neterror|certerror)\?e=(\w+)")
_SELECTOR_ERROR = re.compile(r"RPA-INVALID-SELECTOR (\[.*\]) END", re.DOTALL)
_GONE = re.compile(
    r"tab crashed|invalid session id|disconnected|chrome not reachable|"
    r"session deleted|target window already closed|web view not found|"
    r"[Ff]ailed to decode response from marionette|without establishing a connection"
)
# The page changed while it was looked at.
_PASSING = re.compile(
    r"document unloaded|no such execution context|[Cc]annot find context|"
    r"stale element|aborted by navigation|detached|does not belong to the document|"
    r"[Dd]ocument was unloaded|Actor '\w+' destroyed|AbortError|dead object|"
    # Of a page that does not want to be left; it is answered in a moment.
    r"Unexpected dialog type beforeunload"
)


class PageChanged(TemporaryFailure):
    """The element or page went away meanwhile: look again."""

    code = "page_changing"


class BrowserGone(TemporaryFailure):
    """The browser died or answers no more; the next use starts a new one."""

    code = "browser_crashed"


class BrowserTimeout(TemporaryFailure):
    """The page keeps the browser too busy to answer; the next use leaves it."""

    code = "browser_timeout"


@contextlib.contextmanager
def told(*passing: type[WebDriverException]) -> Iterator[None]:
    """Turns the driver's errors into ours, but for the `passing` ones.

    Raises:
        PageChanged: it can simply be tried again.
        BrowserTimeout: the page hangs.
        BrowserGone: this browser is of no more use.
        TemporaryFailure, PermanentFailure: all else.
    """
    try:
        yield
    except WebDriverException as error:
        if isinstance(error, passing):
            raise
        raise _explained(error) from error
    except ReadTimeoutError as error:
        message = "The browser did not answer in time; the page may be too busy."
        raise BrowserTimeout(message) from error
    except (HTTPError, OSError) as error:
        raise BrowserGone("The browser went away.") from error


def _explained(error: WebDriverException) -> Exception:
    if marked := _from_script(error):
        return marked
    text = first_line(error)
    passing = (
        StaleElementReferenceException,
        NoSuchFrameException,
        UnexpectedAlertPresentException,
    )
    if isinstance(error, passing) or _PASSING.search(text):
        return PageChanged("The page changed while the step was at work on it.")
    gone = (InvalidSessionIdException, NoSuchWindowException)
    if isinstance(error, gone) or _GONE.search(text):
        return BrowserGone(f"The browser or its page went away: {text}.")
    if isinstance(error, TimeoutException):
        return TemporaryFailure("The page did not answer in time.", code="timeout")
    if match := _NET_ERROR.search(text) or _ERROR_PAGE.search(text):
        return net_error(match[1])
    if isinstance(error, InsecureCertificateException):
        return net_error("ERR_CERT_INVALID")
    if isinstance(error, InvalidSelectorException | JavascriptException):
        return PermanentFailure(f"The page refused it: {text}.", code="page_error")
    return TemporaryFailure(f"The browser said: {text}.", code="browser_error")


def _from_script(error: WebDriverException) -> RpaError | None:
    """The failure that one of our own scripts reported by a marked error."""
    text = str(error.msg or "")
    if "RPA-TOO-MUCH" in text:
        message = "The page holds more than a step may read at once."
        return PermanentFailure(message, code="too_much_data")
    if not (match := _SELECTOR_ERROR.search(text)):
        return None
    kind, value, why = json.loads(match[1])
    name = {"css": "CSS", "xpath": "XPath"}.get(kind, kind)
    return PermanentFailure(
        f"The selector `{value}` was read as {name}, and is none: {why[:200]}",
        code="invalid_selector",
        kind=kind,
    )


def first_line(error: WebDriverException) -> str:
    """The driver's own words, without its version and stack."""
    line = (error.msg or type(error).__name__).strip().splitlines()[0]
    line = line.partition("; For documentation on this error")[0]
    return line[:300].rstrip(".")


def net_error(code: str, url: str = "") -> RpaError:
    """The failure for one of Chromium's network errors, `ERR_…`, or Firefox's."""
    if not code.startswith("ERR_"):
        code = _FIREFOX.get(code, f"ERR_{code.upper()}")
    kind = PermanentFailure if _LASTING.match(code) else TemporaryFailure
    where = f"{url} could not be opened" if url else "The page could not be opened"
    return kind(f"{where}: {code}.", code=code)


def only_in_chromium(what: str) -> PermanentFailure:
    """The failure of a wish that Firefox cannot grant."""
    return PermanentFailure(
        f"Firefox has no way to {what}: leave it out, or let the workflow use Chromium "
        "(settings.browser.engine).",
        code="not_in_firefox",
    )
