"""Carries a browser's state over a crash: address, cookies, storage, scroll."""

import json
import logging
from typing import TYPE_CHECKING, Any

from apps.core.types import JsonObject

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

log = logging.getLogger(__name__)

MAX_STORAGE_BYTES = 1024 * 1024
_COOKIE_FIELDS = (
    "name",
    "value",
    "domain",
    "path",
    "secure",
    "httpOnly",
    "sameSite",
    "priority",
    "sourceScheme",
    "sourcePort",
    "expires",
    "partitionKey",
)
_PUT_BACK = """
(({origin, local, session}) => {
  if (window.top !== window || location.origin !== origin) return;
  for (const [store, items] of [[localStorage, local], [sessionStorage, session]]) {
    for (const [key, value] of Object.entries(items)) store.setItem(key, value);
  }
})
"""


def take(session: "BrowserSession") -> JsonObject:
    """`{url, cookies, storage, scroll, frame}` of a browser, as JSON.

    `storage` is `{<origin>: {local, session}}` of the open page's origin; above
    1 MiB it is left out.
    """
    page = session.steadily(lambda: session.run(None, "keeping.read"))
    cookies = session.loan.dialect.cookies(session)
    storage = page.pop("storage")
    if len(json.dumps(storage)) > MAX_STORAGE_BYTES:
        log.warning("The page's storage is too large for a checkpoint")
        storage = {}
    return {
        **page,
        "cookies": list(map(kept_cookie, cookies)),
        "storage": storage,
        "frame": list(session.frame),
    }


def restore(session: "BrowserSession", checkpoint: JsonObject) -> None:
    """Put cookies and storage in place, open the page, scroll to where it was.

    Raises:
        TemporaryFailure, PermanentFailure: the page cannot be opened.
    """
    if cookies := checkpoint.get("cookies"):
        session.loan.dialect.set_cookies(session, cookies)
    url = str(checkpoint.get("url", ""))
    if not url.startswith(("http://", "https://")):
        return
    scripts = [_put_back(session, item) for item in checkpoint["storage"].items()]
    try:
        session.goto(url)
    finally:
        for identifier in scripts:
            session.bidi("script.removePreloadScript", script=identifier)
    session.run(None, "keeping.scroll", checkpoint.get("scroll") or {})
    session.frame = tuple(checkpoint.get("frame") or ())


def _put_back(session: "BrowserSession", item: tuple[str, JsonObject]) -> str:
    """Fill the storage before the page's own scripts look into it."""
    origin, stores = item
    # Scripts of this kind take no arguments; JSON is a subset of JavaScript.
    facts = json.dumps({"origin": origin, **stores})
    made = session.bidi(
        "script.addPreloadScript",
        functionDeclaration=f"() => ({_PUT_BACK})({facts})",
        userContexts=[session.loan.context.id],
    )
    return str(made["script"])


def kept_cookie(cookie: JsonObject) -> JsonObject:
    """A cookie as it can be set again."""
    kept: dict[str, Any] = {n: cookie[n] for n in _COOKIE_FIELDS if n in cookie}
    return kept
