"""The socket under a server that has no way past ASGI."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from apps.realtime.endpoint import sockets
from apps.realtime.frames import message
from apps.realtime.wires import QueuedWire
from tests.fixtures_cast import Person
from tests.realtime.conftest import organization, tell

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

SCOPE = {
    "type": "websocket",
    "path": "/ws",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
}


async def _conversation(token: str, channel: str) -> list[Any]:
    scope = {**SCOPE, "subprotocols": ["rpa.v1", f"bearer.{token}"]}
    talk = ApplicationCommunicator(sockets, scope)
    await talk.send_input({"type": "websocket.connect"})
    accepted = await talk.receive_output(20)
    asked = {"action": "subscribe", "channel": channel, "last_event_id": 0}
    text = json.dumps(asked)
    heard = [await talk.receive_output(20)]
    await talk.send_input({"type": "websocket.receive", "text": text})
    heard += [await talk.receive_output(20) for _ in range(3)]
    await talk.send_input({"type": "websocket.disconnect", "code": 1000})
    await talk.wait(20)
    return [accepted, *(json.loads(one["text"]) for one in heard)]


def test_all_works_message_by_message(servers, alice: Person) -> None:
    tell(alice, "a", "b")
    found = asyncio.run(_conversation(alice.access, organization(alice)))
    assert found[0] == {"type": "websocket.accept", "subprotocol": "rpa.v1"}
    assert [one["type"] for one in found[1:]] == [
        *("authenticated", "subscribed", "note", "note")
    ]
    assert [one["n"] for one in found[3:]] == ["a", "b"]


def test_who_takes_nothing_is_cut_at_the_bound() -> None:
    async def stalled() -> list[str]:
        sent, is_taken = [], asyncio.Event()

        async def send(found: Any) -> None:
            await is_taken.wait()
            sent.append(found["type"])

        wire = QueuedWire(send, 1_000)
        for _ in range(100):
            wire.write(message("ping", text="x" * 50))
            assert wire.waiting_bytes < 1_200
        assert wire.is_closed
        is_taken.set()
        await wire._task
        return sent

    found = asyncio.run(stalled())
    assert found[-1] == "websocket.close"
