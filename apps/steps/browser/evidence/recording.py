"""Remembers what a browser tells of its pages: messages and requests, the last ones."""

import itertools
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from apps.core.types import JsonObject
from apps.steps.browser.evidence.redaction import RECORDED

MESSAGES, REQUESTS = 500, 2_000
# What nobody else listens to; requests are counted for all contexts anyhow.
EVENTS = ("log.entryAdded",)
_MOST_HEADERS = 100
# Of an address that holds its own content.
_DATA_SHOWN = 200

Header = tuple[str, str]


@dataclass(slots=True)
class Message:
    """What a page wrote to its console, or an error that it did not catch."""

    number: int
    at_ms: float
    level: str
    text: str
    source: str


@dataclass(slots=True)
class Request:
    """One request, redirects apart, and what came of it.

    Attributes:
        number: of the last thing that was heard of it.
        status: None while nothing came.
        error: why there is no answer, such as `net::ERR_CONNECTION_REFUSED`.
        document: whether it loads a page, not a part of one.
        timings: as BiDi gives them, in milliseconds.
    """

    number: int
    at_ms: float
    context: str
    method: str
    url: str
    headers: list[Header]
    body_bytes: int
    kind: str
    document: bool
    timings: JsonObject = field(default_factory=dict)
    status: int | None = None
    status_text: str = ""
    protocol: str = ""
    mime_type: str = ""
    answer_headers: list[Header] = field(default_factory=list)
    answer_bytes: int = 0
    received_bytes: int = 0
    error: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it got no answer, or a bad one."""
        return bool(self.error) or (self.status or 0) >= 400


class Recorded(NamedTuple):
    """What was heard since some moment."""

    messages: list[Message]
    requests: list[Request]
    lost_messages: int
    lost_requests: int


class Recorder:
    """Keeps the last messages and requests of one execution's pages.

    `take` is called on the connection's reading thread, so it only picks out what is
    needed; secrets are looked for when evidence is made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._messages: deque[Message] = deque(maxlen=MESSAGES)
        self._requests: OrderedDict[tuple[str, int], Request] = OrderedDict()
        self._heard_messages = self._heard_requests = 0
        self._last = 0

    def take(self, event: str, facts: JsonObject) -> None:
        """Remember what the browser tells; other events are no matter."""
        with self._lock:
            if event == "log.entryAdded":
                self._heard_messages += 1
                self._messages.append(_message(next(self._numbers), facts))
            elif event.startswith("network."):
                self._take_request(event, facts)

    def everything(self) -> Recorded:
        """All that is remembered."""
        return self._since(0)

    def news(self) -> Recorded:
        """What was not asked for before."""
        return self._since(self._last)

    def _since(self, number: int) -> Recorded:
        with self._lock:
            self._last = next(self._numbers)
            return Recorded(
                [one for one in self._messages if one.number > number],
                [one for one in self._requests.values() if one.number > number],
                self._heard_messages - len(self._messages),
                self._heard_requests - len(self._requests),
            )

    def _take_request(self, event: str, facts: JsonObject) -> None:
        sent = facts["request"]
        key = str(sent["request"]), int(facts.get("redirectCount") or 0)
        request = self._requests.get(key)
        if request is None:
            self._heard_requests += 1
            request = self._requests[key] = _request(facts)
            if len(self._requests) > REQUESTS:
                self._requests.popitem(last=False)
        request.number = next(self._numbers)
        if event == "network.responseCompleted":
            _answered(request, facts)
        elif event == "network.fetchError":
            request.error = str(facts.get("errorText", ""))[:200]


def _message(number: int, facts: JsonObject) -> Message:
    frames = (facts.get("stackTrace") or {}).get("callFrames") or [{}]
    url, line = str(frames[0].get("url", "")), frames[0].get("lineNumber")
    return Message(
        number,
        float(facts.get("timestamp") or 0),
        str(facts.get("level", "")),
        str(facts.get("text") or "")[:RECORDED],
        f"{url[:RECORDED]}:{line + 1}" if url and line is not None else "",
    )


def _request(facts: JsonObject) -> Request:
    sent = facts["request"]
    return Request(
        number=0,
        at_ms=float(facts.get("timestamp") or 0),
        context=str(facts.get("context") or ""),
        method=str(sent.get("method", ""))[:50],
        url=_address(str(sent.get("url", ""))),
        headers=_headers(sent),
        body_bytes=int(sent.get("bodySize") or 0),
        kind=str(sent.get("destination") or sent.get("initiatorType") or "")[:50],
        document=sent.get("destination") == "document",
    )


def _answered(request: Request, facts: JsonObject) -> None:
    answer, sent = facts["response"], facts["request"]
    # Only now it is known what was really sent.
    request.headers = _headers(sent)
    request.timings = dict(sent.get("timings") or {})
    request.status = int(answer.get("status") or 0)
    request.status_text = str(answer.get("statusText") or "")[:200]
    request.protocol = str(answer.get("protocol") or "")[:20]
    request.mime_type = str(answer.get("mimeType") or "")[:200]
    request.answer_headers = _headers(answer)
    request.answer_bytes = int((answer.get("content") or {}).get("size") or 0)
    request.received_bytes = int(answer.get("bytesReceived") or 0)


def _headers(message: JsonObject) -> list[Header]:
    """Name and value of each header once; the browser tells some of them twice."""
    found = {
        (str(one["name"])[:200], str(one["value"].get("value", ""))[:RECORDED]): None
        for one in (message.get("headers") or ())[: 2 * _MOST_HEADERS]
    }
    return list(found)[:_MOST_HEADERS]


def _address(url: str) -> str:
    return url[:_DATA_SHOWN] if url.startswith("data:") else url[:RECORDED]
