"""`/ws` as an ASGI application: the edge between the server and a client."""

import ipaddress
import json
from urllib.parse import parse_qs

from django.conf import settings

from apps.core.api import problems
from apps.realtime.client import TRY_LATER, Client
from apps.realtime.hub import Hub, hub
from apps.realtime.origins import has_token, is_allowed
from apps.realtime.wires import QueuedWire, Receive, Scope, Send, wire_to

PATH = "/ws"
PROTOCOL = "rpa.v1"
_BEARER = "bearer."
_FORBIDDEN, _UPGRADE_REQUIRED = 403, 426


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection at `/ws`, or say by HTTP why there is none."""
    if scope["type"] == "http":
        await _explain(scope, send)
        return
    await receive()  # that it wants to connect
    if not is_allowed(_header(scope, b"origin")):
        await send({"type": "websocket.close", "code": _FORBIDDEN})
        return
    offered = scope.get("subprotocols", [])
    chosen = PROTOCOL if PROTOCOL in offered else None
    await send({"type": "websocket.accept", "subprotocol": chosen})
    here = hub()
    wire = wire_to(scope, send, here.limits.buffer_bytes)
    client = Client(here, wire, _address(scope))
    try:
        await _serve(here, client, scope, receive)
    finally:
        here.clients.discard(client)
        client.leave()
        if isinstance(wire, QueuedWire):
            wire.stop()


async def _serve(here: Hub, client: Client, scope: Scope, receive: Receive) -> None:
    """From the first message to the end of the connection."""
    if len(here.clients) >= settings.SOCKET_CONNECTIONS:
        client.refuse("too_many_clients", "Come back later.", TRY_LATER)
    here.clients.add(client)
    if has_token(scope["query_string"]):
        client.refuse("token_in_address", "Tokens never stand in an address.")
    else:
        offered = scope.get("subprotocols", [])
        token = next((one for one in offered if one.startswith(_BEARER)), None)
        if token is not None:
            await client.authenticate(token.removeprefix(_BEARER))
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if not client.wire.is_closed:
            text = message.get("text")
            await client.receive(message["bytes"] if text is None else text)


def _header(scope: Scope, name: bytes) -> str | None:
    """A header that stands once; twice is as good as none of ours."""
    found = [value for key, value in scope["headers"] if key == name]
    return None if not found else b", ".join(found).decode("latin-1")


def _address(scope: Scope) -> str | None:
    try:
        return str(ipaddress.ip_address((scope.get("client") or ("",))[0]))
    except ValueError:
        return None


async def _explain(scope: Scope, send: Send) -> None:
    """Answer a plain request, by which a page finds out why it cannot connect.

    Browsers do not tell pages why an upgrade failed. `?origin=` asks whether pages of
    that origin may connect; that this answers at all shows that the proxy before us
    passes no upgrades.
    """
    query = parse_qs(scope["query_string"].decode("latin-1"))
    origin = query.get("origin", [_header(scope, b"origin")])[-1]
    detail = "Connect by WebSocket. If you did, the proxy before us passes no upgrades."
    body = problems.problem(_UPGRADE_REQUIRED, detail, code="upgrade_required")
    text = json.dumps({**body, "origin_allowed": is_allowed(origin)}).encode()
    headers = {
        "content-type": problems.CONTENT_TYPE,
        "content-length": str(len(text)),
        "cache-control": "no-store",
        "upgrade": "websocket",
        "connection": "upgrade",
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": 426, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": text})
