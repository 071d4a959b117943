"""Carries a browser's state over a crash: address, cookies, storage, scroll, tabs."""

import json
import logging
from typing import TYPE_CHECKING, Any

from apps.core.errors import PermanentFailure, RpaError
from apps.core.types import JsonObject
from apps.steps.browser.scripts import script_for

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

log = logging.getLogger(__name__)

# Characters of keys and values.
MOST_STORED = 1024 * 1024
_READ = f"(function () {{ {script_for('keeping.read')} }})({MOST_STORED})"
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
    """`{since, url, cookies, storage, scroll, frame}` of a browser, as JSON.

    `since` tells one document from the next. `storage` is `{<origin>: {local,
    session}}` of the open page's origin; above 1 Mi characters it is left out. Where
    there is more than one tab there is also `{tabs, tab}`: their addresses, oldest
    first, and the place of the open one; and `dialogs` where a step said how to
    answer them.
    """
    page, cookies = _facts(session)
    storage = {origin: items for origin, items in page.pop("storage").items() if items}
    state = {
        **page,
        "cookies": list(map(kept_cookie, cookies)),
        "storage": storage,
        "frame": list(session.frame),
    }
    if len(session.tabs) > 1:
        state |= _tabs(session)
    if (dialogs := session.dialogs.to_keep()) is not None:
        state["dialogs"] = dialogs
    return state


def _facts(session: "BrowserSession") -> tuple[JsonObject, list[JsonObject]]:
    """What the page says of itself, and the context's cookies."""
    if (found := session.glance(_READ)) is not None and found.value is not None:
        return found.value, found.cookies
    page = session.steadily(lambda: session.run(None, "keeping.read", MOST_STORED))
    return page, session.loan.dialect.cookies(session)


def _tabs(session: "BrowserSession") -> JsonObject:
    facts, here = session.loan.dialect.tab_facts(session), session.tab
    tabs = [one for one in session.tabs if one in facts]
    addresses = [facts[one].partition("\n")[0] for one in tabs]
    return {"tabs": addresses, "tab": tabs.index(here)} if here in tabs else {}


def restore(session: "BrowserSession", checkpoint: JsonObject) -> None:
    """Put cookies and storage in place, open the pages, scroll to where it was.

    Raises:
        TemporaryFailure, PermanentFailure: the page cannot be opened; `page_lost`
            when what was filled in on it cannot be filled in again.
    """
    if dialogs := checkpoint.get("dialogs"):
        session.open_dialogs()
        session.dialogs.keep_on(dialogs)
    if cookies := checkpoint.get("cookies"):
        session.loan.dialect.set_cookies(session, cookies)
    tabs, here = _open_tabs(session, checkpoint)
    require_saved(session, here)
    session.enter_tab(here)
    if _is_page(checkpoint["url"]):
        _open_page(session, checkpoint)
    others = [(tab, url) for tab, url in tabs.items() if tab != here and _is_page(url)]
    for tab, url in others:
        session.enter_tab(tab)
        try:
            session.goto(url)
        except RpaError as error:
            log.warning("a tab was not opened again", extra={"reason": str(error)})
    if others:
        session.enter_tab(here)
    session.frame = tuple(checkpoint.get("frame") or ())


def _open_tabs(
    session: "BrowserSession", checkpoint: JsonObject
) -> tuple[dict[str, str], str]:
    """As many empty tabs; gives the addresses by handle, and the handle of the open."""
    addresses = checkpoint.get("tabs") or [checkpoint["url"]]
    handles = [session.tab, *(session.open_tab() for _ in addresses[1:])]
    unsaved = checkpoint.get("unsaved", ())
    session.unsaved_tabs = frozenset(handles[number] for number in unsaved)
    here = handles[checkpoint.get("tab", 0)]
    return dict(zip(handles, addresses, strict=True)), here


def _open_page(session: "BrowserSession", checkpoint: JsonObject) -> None:
    scripts = [_put_back(session, item) for item in checkpoint["storage"].items()]
    try:
        session.goto(checkpoint["url"])
    finally:
        for identifier in scripts:
            session.bidi("script.removePreloadScript", script=identifier)
    session.run(None, "keeping.scroll", checkpoint.get("scroll") or {})


def require_saved(session: "BrowserSession", handle: str) -> None:
    """Go on in a tab only if nothing that was filled in there is gone.

    Raises:
        PermanentFailure: `page_lost`.
    """
    if handle in session.unsaved_tabs:
        raise PermanentFailure(
            "The browser had to be replaced while a page in one tab was filled in and "
            "steps went on in another. What was filled in is gone.",
            code="page_lost",
        )


def _is_page(url: str) -> bool:
    return url.startswith(("http://", "https://"))


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
