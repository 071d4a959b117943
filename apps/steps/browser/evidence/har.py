"""Requests as people's tools read them: HAR 1.2, without bodies.

http://www.softwareishard.com/blog/har-12-spec/
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from apps.core.types import JsonObject
from apps.steps.browser.evidence.recording import Header, Recorded, Request
from apps.steps.browser.evidence.redaction import HIDDEN, Redactor

_NO_PAGE = ""
_UNKNOWN = -1


def har(recorded: Recorded, redactor: Redactor, *, browser_version: str) -> JsonObject:
    """The requests as a HAR log; what secrets stood in them is hidden."""
    pages: list[JsonObject] = []
    entries = []
    shown_in: dict[str, str] = {}
    for request in sorted(recorded.requests, key=lambda one: one.at_ms):
        if request.document:
            pages.append(_page(f"page_{len(pages) + 1}", request, redactor))
            shown_in[request.context] = pages[-1]["id"]
        # A frame's requests belong to the page that was opened last.
        latest = pages[-1]["id"] if pages else _NO_PAGE
        entry = _entry(request, redactor)
        if page := shown_in.get(request.context, latest):
            entry["pageref"] = page
        entries.append(entry)
    log: JsonObject = {
        "version": "1.2",
        "creator": {"name": "RPA platform", "version": "1"},
        "browser": {"name": "Chromium", "version": browser_version},
        "pages": pages,
        "entries": entries,
    }
    if recorded.lost_requests:
        log["comment"] = f"{recorded.lost_requests} earlier requests are left out."
    return {"log": log}


def iso(at_ms: float) -> str:
    """A moment of the browser's clock."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds")


def _page(name: str, request: Request, redactor: Redactor) -> JsonObject:
    return {
        "startedDateTime": iso(request.at_ms),
        "id": name,
        "title": redactor.text(request.url),
        "pageTimings": {},
    }


def _entry(request: Request, redactor: Redactor) -> JsonObject:
    timings = _timings(request.timings)
    took = sum(value for name, value in timings.items() if name != "ssl" and value > 0)
    entry: JsonObject = {
        "startedDateTime": iso(request.at_ms),
        "time": round(took, 3),
        "request": _sent(request, redactor),
        "response": _answer(request, redactor),
        "cache": {},
        "timings": timings,
        "_resourceType": request.kind,
    }
    if request.error:
        entry["_error"] = request.error
    elif request.status is None:
        entry["comment"] = "No answer had come yet."
    return entry


def _sent(request: Request, redactor: Redactor) -> JsonObject:
    found: JsonObject = {
        "method": request.method,
        "url": redactor.text(request.url),
        "httpVersion": request.protocol,
        "cookies": _cookies(request.headers, "cookie", redactor),
        "headers": _headers(request.headers, redactor),
        "queryString": _query(request.url, redactor),
        "headersSize": _UNKNOWN,
        "bodySize": request.body_bytes,
    }
    if request.body_bytes:
        found["comment"] = "What was sent is not kept."
    return found


def _answer(request: Request, redactor: Redactor) -> JsonObject:
    headers = request.answer_headers
    location = next((v for n, v in headers if n.lower() == "location"), "")
    content = {"size": request.answer_bytes, "mimeType": request.mime_type}
    return {
        "status": request.status or 0,
        "statusText": redactor.text(request.status_text),
        "httpVersion": request.protocol,
        "cookies": _cookies(headers, "set-cookie", redactor),
        "headers": _headers(headers, redactor),
        "content": content,
        "redirectURL": redactor.text(location),
        "headersSize": _UNKNOWN,
        "bodySize": request.received_bytes,
    }


def _headers(headers: Iterable[Header], redactor: Redactor) -> list[JsonObject]:
    return [{"name": n, "value": redactor.value(n, v)} for n, v in headers]


def _cookies(
    headers: Iterable[Header], name: str, redactor: Redactor
) -> list[JsonObject]:
    """The names of the cookies; their values are as good as passwords."""
    texts = [value for header, value in headers if header.lower() == name]
    # An answer sets one a line, with its attributes behind it.
    pairs = [
        pair
        for text in texts
        for pair in (text.split(";") if name == "cookie" else text.splitlines())
    ]
    names = [pair.partition("=")[0].strip()[:200] for pair in pairs if "=" in pair]
    return [{"name": redactor.text(one), "value": HIDDEN} for one in names]


def _query(url: str, redactor: Redactor) -> list[JsonObject]:
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []
    return [{"name": redactor.text(n), "value": redactor.value(n, v)} for n, v in pairs]


def _timings(times: JsonObject) -> JsonObject:
    """The phases in milliseconds; -1 for what did not happen or is not known."""
    at = {name: float(value or 0) for name, value in times.items()}

    def between(start: str, end: str) -> float:
        first, last = at.get(start, 0), at.get(end, 0)
        return round(last - first, 3) if last >= first > 0 else _UNKNOWN

    starts = (at.get(n, 0.0) for n in ("dnsStart", "connectStart", "requestStart"))
    begun = next((start for start in starts if start > 0), 0.0)
    return {
        "blocked": round(max(0.0, begun - at.get("fetchStart", 0)), 3),
        "dns": between("dnsStart", "dnsEnd"),
        "connect": between("connectStart", "connectEnd"),
        "ssl": between("tlsStart", "connectEnd"),
        "send": 0,
        "wait": max(0, between("requestStart", "responseStart")),
        "receive": max(0, between("responseStart", "responseEnd")),
    }
