"""A WebDriver BiDi connection: commands with answers, and events as they come.

Selenium has a client of its own, which looks for answers every 0.1 s; a thread that
sleeps in the socket hands them over at once. https://w3c.github.io/webdriver-bidi/
"""

import contextlib
import itertools
import json
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

from websocket import WebSocket, WebSocketException, create_connection

from apps.core.types import JsonObject

log = logging.getLogger(__name__)

OnEvent = Callable[[JsonObject], None]

_CONNECT_S = 10.0
_USUAL_S = 10.0


class BidiGone(OSError):
    """The browser hung up, or gave no answer in time."""


class BidiError(Exception):
    """The browser refused a command.

    Attributes:
        code: the protocol's own word, such as `no such frame`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Bidi:
    """One connection; any thread may send.

    Args:
        url: of the session's WebSocket.
        headers: what the connection says first, such as who we are.

    Raises:
        BidiGone: nobody answers there.
    """

    def __init__(self, url: str, headers: Sequence[str] = ()) -> None:
        try:
            self._socket: WebSocket = create_connection(
                url,
                timeout=_CONNECT_S,
                suppress_origin=True,
                header=list(headers),
                # In Python it takes longer than all else; what is no text is no JSON.
                skip_utf8_validation=True,
            )
        except (OSError, WebSocketException) as error:
            raise BidiGone(f"no BiDi connection: {error!r}") from error
        self._socket.settimeout(None)  # the reader sleeps until something comes
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[JsonObject]] = {}
        self._handlers: dict[str, OnEvent] = {}
        self._is_gone = False
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="bidi", daemon=True).start()

    @property
    def is_gone(self) -> bool:
        """Whether the browser hung up."""
        return self._is_gone

    def on(self, event: str, handler: OnEvent) -> None:
        """Call `handler` with an event's parameters, on the reading thread.

        It must be quick and must not wait for an answer: `tell` instead of `call`.
        """
        self._handlers[event] = handler

    def call(
        self, method: str, /, *, within_s: float = _USUAL_S, **parameters: Any
    ) -> JsonObject:
        """Send a command and wait for its result.

        Raises:
            BidiError: it was refused.
            BidiGone: the browser hung up, or did not answer in time.
        """
        return self.wait(self.ask(method, **parameters), method, within_s)

    def ask(self, method: str, /, **parameters: Any) -> "Future[JsonObject]":
        """Send a command; `wait` gives its result.

        Raises:
            BidiGone: the browser hung up.
        """
        return self._send(method, parameters)

    def wait(
        self, answer: "Future[JsonObject]", method: str, within_s: float
    ) -> JsonObject:
        """The result of a command that was sent; errors as for `call`."""
        try:
            return answer.result(within_s)
        except NoAnswer:
            raise BidiGone(f"no answer to {method} within {within_s:g} s") from None

    def tell(self, method: str, /, **parameters: object) -> None:
        """Send a command whose result nobody waits for."""
        with contextlib.suppress(BidiGone):
            self._send(method, parameters)

    def close(self) -> None:
        """Hang up; whoever still waits gets `BidiGone`."""
        self._is_gone = True
        # Shuts the socket down, which wakes the reader.
        with contextlib.suppress(OSError, WebSocketException):
            self._socket.shutdown()  # type: ignore[no-untyped-call]

    def _send(self, method: str, parameters: dict[str, object]) -> "Future[JsonObject]":
        number, answer = next(self._numbers), Future[JsonObject]()
        text = json.dumps(self._envelope(number, method, parameters))
        with self._lock:
            if self._is_gone:
                raise BidiGone("the browser hung up")
            self._waiting[number] = answer
            try:
                self._socket.send(text)
            except (OSError, WebSocketException) as error:
                del self._waiting[number]
                raise BidiGone(f"the browser hung up: {error!r}") from error
        return answer

    def _envelope(self, number: int, method: str, parameters: JsonObject) -> JsonObject:
        return {"id": number, "method": method, "params": parameters}

    def _read(self) -> None:
        try:
            while text := self._socket.recv():
                self._take(json.loads(text))
        except (OSError, WebSocketException, ValueError) as error:
            log.debug("BiDi connection ended", extra={"reason": repr(error)})
        finally:
            self._end()

    def _take(self, message: JsonObject) -> None:
        if (number := message.get("id")) is None:
            handler = self._handlers.get(str(message.get("method")))
            if handler is not None:
                self._hand_on(handler, message["params"])
            return
        answer = self._waiting.pop(number, None)
        if answer is None or answer.done():
            return
        if message.get("type") == "error":
            error = BidiError(str(message["error"]), str(message.get("message", "")))
            answer.set_exception(error)
        else:
            answer.set_result(message["result"])

    def _hand_on(self, handler: OnEvent, parameters: JsonObject) -> None:
        try:
            handler(parameters)
        except Exception:
            # The thread serves everybody.
            log.exception("a handler of browser events failed")

    def _end(self) -> None:
        with self._lock:
            self._is_gone = True
            waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.set_exception(BidiGone("the browser hung up"))
        with contextlib.suppress(OSError, WebSocketException):
            self._socket.close()
