"""Opens and closes tabs past the driver, for when a page keeps the driver waiting."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any

_TIMEOUT_S = 3.0


def replace_tabs(browser_port: int) -> str:
    """Open an empty tab and close all others; gives the new one's handle.

    Cookies and storage stay. A page that is busy without end goes away with its tab.

    Raises:
        OSError: the browser does not answer.
    """
    new = _ask(browser_port, "PUT", "/json/new?about:blank")
    for target in _ask(browser_port, "GET", "/json/list"):
        if target["type"] == "page" and target["id"] != new["id"]:
            _ask(browser_port, "GET", f"/json/close/{target['id']}")
    return str(new["id"])


def _ask(port: int, method: str, path: str) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path)
        content = connection.getresponse().read()
    except HTTPException as error:
        raise OSError(f"no answer from the browser: {error!r}") from error
    finally:
        connection.close()
    # Closing answers with a sentence.
    return json.loads(content) if content.startswith((b"{", b"[")) else None
