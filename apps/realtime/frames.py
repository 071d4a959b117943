"""What is sent to clients, made once for all who get it."""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apps.core.types import JsonObject
from apps.events.published import Linked, compact

_TEXT = 0x81  # a whole message in one frame, of text


def framed(text: bytes) -> bytes:
    """One text message as it goes over the wire: a server's frames are not masked."""
    size = len(text)
    if size < 126:
        return bytes((_TEXT, size)) + text
    if size < 1 << 16:
        return struct.pack("!BBH", _TEXT, 126, size) + text
    return struct.pack("!BBQ", _TEXT, 127, size) + text


class Chunk(NamedTuple):
    """Some messages that are sent together.

    Attributes:
        ids: the events' numbers, in order; empty for what is outside the sequence.
        texts: the messages.
        data: all of them as frames.
    """

    ids: tuple[int, ...]
    texts: tuple[bytes, ...]
    data: bytes

    def after(self, number: int) -> "Chunk":
        """Only the events with higher numbers."""
        first = sum(1 for one in self.ids if one <= number)
        return chunk(self.texts[first:], self.ids[first:])


def chunk(texts: Sequence[bytes], ids: Sequence[int] = ()) -> Chunk:
    """Messages that are sent together."""
    return Chunk(tuple(ids), tuple(texts), b"".join(map(framed, texts)))


def message(type_: str, **values: object) -> Chunk:
    """One message of the protocol itself."""
    content: JsonObject = {"type": type_, **values}
    return chunk((compact(content).encode(),))


def event_chunk(channel: str, events: Sequence[Linked], names: dict[str, str]) -> Chunk:
    """Events as the subscribers of a channel get them.

    Args:
        names: of workflows, by id.
    """
    texts = [
        _placed(one.body, channel, names.get(one.workflow), prev=one.prev)
        for one in events
    ]
    return chunk(texts, [one.id for one in events])


def hint_chunk(channel: str, bodies: Iterable[str], name: str | None) -> Chunk:
    """Hints as the subscribers of a channel get them: without a number."""
    return chunk([_placed(body, channel, name) for body in bodies])


def _placed(body: str, channel: str, workflow_name: str | None, **more: int) -> bytes:
    """A JSON object with what depends on the channel in front of the rest."""
    head: JsonObject = {"channel": channel, **more, "workflowName": workflow_name}
    return f"{compact(head)[:-1]},{body[1:]}".encode()
