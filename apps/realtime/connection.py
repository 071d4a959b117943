"""The protocol of one client: what a message means, and what time demands.

No input or output: it is told what came and what time it is, and gives what is to be
done. Times are seconds of a clock that only grows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from apps.core.documents import load_json
from apps.core.errors import Invalid
from apps.realtime.limits import BURST, DEPTH, FRAME_BYTES, MESSAGES_PER_S, Limits

AUTHENTICATION, SILENT, TOO_BIG, FLOOD = 4401, 4408, 1009, 1008
_MAX_NAME, _MAX_TOKEN, _MAX_ID = 100, 4_096, 2**63 - 1


class Say(NamedTuple):
    """Send a message of this type."""

    type: str
    values: dict[str, Any]


class Close(NamedTuple):
    """End the connection."""

    code: int
    reason: str


class Authenticate(NamedTuple):
    """Find out whose token it is, and tell `welcome` or `refuse`."""

    token: str


class Subscribe(NamedTuple):
    """Let it hear a channel, anew if it does already.

    Attributes:
        after: the last event it has seen; None: only what is to come.
    """

    channel: str
    after: int | None


class Unsubscribe(NamedTuple):
    """Let it hear a channel no more."""

    channel: str


Action = Say | Close | Authenticate | Subscribe | Unsubscribe


def error(code: str, text: str, channel: str | None = None, **more: Any) -> Say:
    """The message that something was not done."""
    place = {} if channel is None else {"channel": channel[:_MAX_NAME]}
    return Say("error", {"code": code, "message": text, **place, **more})


@dataclass(slots=True)
class Bucket:
    """Lets through `BURST` messages at once, and `MESSAGES_PER_S` for long."""

    at: float
    left: float = BURST

    def takes(self, now: float) -> bool:
        """Whether one more may come now."""
        self.left = min(BURST, self.left + (now - self.at) * MESSAGES_PER_S) - 1
        self.at = now
        return self.left >= 0


class Connection:
    """The state of one client.

    Attributes:
        channels: what it asked to hear, by name, and was not refused.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._bucket = Bucket(now)
        self._heard_at = self._pinged_at = now
        self._authenticate_by: float | None = now + limits.authenticate_s
        self._expires_at: float | None = None
        self.is_known = False
        self.channels: set[str] = set()

    # --- what comes ---------------------------------------------------------------

    def receive(self, content: str | bytes, now: float) -> list[Action]:
        """What a message of the client asks for."""
        self._heard_at = now
        if not self._bucket.takes(now):
            return [error("too_many_messages", "Too many messages."), _flood()]
        if len(content) > FRAME_BYTES:
            return [Close(TOO_BIG, "message too big")]
        found = self._read(content)
        if isinstance(found, Say):
            return self._refused(found)
        action = found.get("action", found.get("type"))
        answer = _ANSWERS.get(action) if isinstance(action, str) else None
        if answer is None:
            return self._refused(error("unknown_action", "There is no such action."))
        if not self.is_known and action != "authenticate":
            return self._refused(error("not_authenticated", "Authenticate first."))
        return answer(self, found)

    def _read(self, content: str | bytes) -> dict[str, Any] | Say:
        if isinstance(content, bytes):
            return error("not_text", "Messages are JSON as text.")
        try:
            found, _ = load_json(content, max_depth=DEPTH)
        except Invalid as problem:
            return error(problem.code, str(problem))
        if not isinstance(found, dict):
            return error("invalid", "A message is a JSON object.")
        return found

    def _refused(self, why: Say) -> list[Action]:
        """Who is known may go on; who is not has to begin better."""
        if self.is_known:
            return [why]
        return [why, Close(AUTHENTICATION, why.values["code"])]

    def _authenticate(self, found: dict[str, Any]) -> list[Action]:
        token = found.get("token")
        if not isinstance(token, str) or not 0 < len(token) <= _MAX_TOKEN:
            return self._refused(error("invalid", "`token` must be a token."))
        return self.authenticate(token)

    def _subscribe(self, found: dict[str, Any]) -> list[Action]:
        channel, after = found.get("channel"), found.get("last_event_id")
        if not isinstance(channel, str):
            return [error("invalid", "`channel` must be the name of a channel.")]
        is_number = isinstance(after, int) and not isinstance(after, bool)
        if after is not None and not (is_number and 0 <= after <= _MAX_ID):
            text = "`last_event_id` must be the id of an event."
            return [error("invalid", text, channel)]
        most = self._limits.subscriptions
        if channel not in self.channels and len(self.channels) >= most:
            text = f"A connection has at most {most} subscriptions."
            return [error("too_many_subscriptions", text, channel)]
        self.channels.add(channel)
        return [Subscribe(channel, after)]

    def _unsubscribe(self, found: dict[str, Any]) -> list[Action]:
        channel = found.get("channel")
        if not isinstance(channel, str):
            return [error("invalid", "`channel` must be the name of a channel.")]
        if channel not in self.channels:
            return [error("not_subscribed", "You do not hear this channel.", channel)]
        self.channels.discard(channel)
        return [
            Unsubscribe(channel),
            Say("unsubscribed", {"channel": channel, "reason": "asked"}),
        ]

    def _ping(self, _: dict[str, Any]) -> list[Action]:
        return [Say("pong", {})]

    def _pong(self, _: dict[str, Any]) -> list[Action]:
        return []

    # --- what we find out ---------------------------------------------------------

    def authenticate(self, token: str) -> list[Action]:
        """A token came in time, however long we look for its owner."""
        self._authenticate_by = None
        return [Authenticate(token)]

    def welcome(self, until: float | None, /, **shown: Any) -> list[Action]:
        """The token was good, and will be until then."""
        self._expires_at = until
        self.is_known = True
        return [Say("authenticated", shown)]

    def refuse(self, code: str, text: str) -> list[Action]:
        """The token was not good; one that was good before still is."""
        return self._refused(error(code, text))

    def drop(self, channel: str, why: Say) -> list[Action]:
        """A channel is not, or no more, for this client."""
        self.channels.discard(channel)
        return [why]

    # --- time ---------------------------------------------------------------------

    def tick(self, now: float, positions: Callable[[], dict[str, int]]) -> list[Action]:
        """What is due.

        Args:
            positions: gives the last event sent on each channel.
        """
        if self._authenticate_by is not None and now >= self._authenticate_by:
            text = "The first message must authenticate."
            return self._refused(error("not_authenticated", text))
        if self._expires_at is not None and now >= self._expires_at:
            text = "The token has expired: connect with a new one."
            return [
                error("token_expired", text),
                Close(AUTHENTICATION, "token_expired"),
            ]
        if now - self._heard_at >= self._limits.silent_s:
            return [Close(SILENT, "silent")]
        if self.is_known and now - self._pinged_at >= self._limits.ping_s:
            self._pinged_at = now
            return [Say("ping", {"last_event_id": positions()})]
        return []


def _flood() -> Close:
    return Close(FLOOD, "too many messages")


_ANSWERS: dict[str, Callable[[Connection, dict[str, Any]], list[Action]]] = {
    "authenticate": Connection._authenticate,
    "subscribe": Connection._subscribe,
    "unsubscribe": Connection._unsubscribe,
    "ping": Connection._ping,
    "pong": Connection._pong,
}
