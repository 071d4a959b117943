"""The ASGI entry: hooks and the WebSocket, then all else that Django serves."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")
django.setup(set_prefix=False)

# They need Django set up.
from apps.core.handler import OneThreadHandler  # noqa: E402
from apps.executions.inbound.endpoint import PREFIX, hooks  # noqa: E402
from apps.realtime.endpoint import PATH, sockets  # noqa: E402

_django = OneThreadHandler()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection."""
    if scope["type"] == "http" and scope["path"].startswith(PREFIX):
        await hooks(scope, receive, send)
    elif scope["path"] == PATH:
        await sockets(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 403})
    else:
        await _django(scope, receive, send)
