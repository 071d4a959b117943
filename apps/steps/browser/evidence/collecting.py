"""Makes all evidence of a moment: bounded in size and time, never a failure."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.core.types import JsonObject
from apps.steps.browser.evidence import copies
from apps.steps.browser.evidence.har import har, iso
from apps.steps.browser.evidence.picture import picture
from apps.steps.browser.evidence.recording import Message, Recorded, Request
from apps.steps.browser.evidence.redaction import Redactor, Secrets
from apps.steps.browser.evidence.sandbox import NoAnswer, Sandbox, TooLate

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

log = logging.getLogger(__name__)

# What asking the page may take in all.
LIMIT_S = 2.5
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of evidence.

    Attributes:
        kind: `screenshot`, `dom`, `console`, `requests` or `har`.
    """

    kind: str
    name: str
    content: bytes
    content_type: str


def collect(
    session: "BrowserSession", secrets: Secrets, *, whole: bool
) -> Iterator[Piece]:
    """What there is to see now; without the page, where it does not answer.

    Args:
        whole: all that is remembered of messages and requests, not only the news.
    """
    if session.recorder is None:
        return
    redactor = Redactor(secrets)
    yield from _page(session, redactor)
    recorder = session.recorder
    recorded = recorder.everything() if whole else recorder.news()
    yield _console(recorded, redactor)
    yield _failed_requests(recorded, redactor)
    traffic = har(recorded, redactor, browser_version=_version(session))
    text = json.dumps(traffic, ensure_ascii=False, separators=(",", ":"))
    yield Piece("har", "traffic.har", _bytes(text), "application/har+json")


def _version(session: "BrowserSession") -> str:
    facts = session.place[0].driver.capabilities if session.place else {}
    return str(facts.get("browserVersion", ""))


def _page(session: "BrowserSession", redactor: Redactor) -> list[Piece]:
    if session.is_lost or (place := session.place) is None:
        return []
    loan, tab = place
    sandbox = Sandbox(loan.bidi, time.monotonic() + LIMIT_S)
    found: list[Piece] = []
    for _ in range(_ATTEMPTS):
        try:
            copy = copies.take(sandbox, tab)
            copies.hide(copy, redactor.secrets)
            found = [_dom(copy)]
            png = picture(sandbox, copy, has_secrets=redactor.secrets.is_needed)
        except NoAnswer as error:
            log.debug("no evidence of the page", extra={"reason": str(error)})
            if isinstance(error, TooLate):
                break
            # It is on its way to another page.
            continue
        shot = [Piece("screenshot", "screenshot.png", png, "image/png")] if png else []
        return shot + found
    return found


def _dom(copy: copies.Copy) -> Piece:
    now = iso(time.time() * 1000)
    content = copies.inert_html(copy, about=f"a copy without scripts, made {now}")
    return Piece("dom", "page.html", content, "text/html")


def _console(recorded: Recorded, redactor: Redactor) -> Piece:
    rows = [_message(one, redactor) for one in recorded.messages]
    return _lines("console", "console.json", rows, recorded.lost_messages)


def _failed_requests(recorded: Recorded, redactor: Redactor) -> Piece:
    rows = [_failed(one, redactor) for one in recorded.requests if one.has_failed]
    return _lines("requests", "failed-requests.json", rows, recorded.lost_requests)


def _message(message: Message, redactor: Redactor) -> JsonObject:
    return {
        "at": iso(message.at_ms),
        "level": message.level,
        "text": redactor.text(message.text),
        "source": redactor.text(message.source),
    }


def _failed(request: Request, redactor: Redactor) -> JsonObject:
    return {
        "at": iso(request.at_ms),
        "method": request.method,
        "url": redactor.text(request.url),
        "kind": request.kind,
        "status": request.status,
        "error": request.error,
    }


def _lines(kind: str, name: str, rows: list[JsonObject], lost: int) -> Piece:
    """JSON with a row a line, for people and programs."""
    if lost:
        rows = [{"left_out": lost}, *rows]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    content = _bytes("[\n" + ",\n".join(texts) + "\n]\n" if texts else "[]\n")
    return Piece(kind, name, content, "application/json")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
