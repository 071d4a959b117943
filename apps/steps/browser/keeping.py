"""Cookies and storage that are kept from one execution to the next.

Storage is `localStorage` of the sites whose pages were shown. What belongs to a tab
(`sessionStorage`) ends with it; databases of pages (`indexedDB`) and caches can hold
what has no form as JSON, and are not kept.
"""

import contextlib
import json
import logging
import time
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from apps.core.types import JsonObject
from apps.steps.browser.blank_tab import BlankTab
from apps.steps.browser.checkpoints import kept_cookie
from apps.steps.browser.chromium.bidi import BidiError, BidiGone
from apps.steps.browser.chromium.devtools import DevTools
from apps.steps.browser.chromium.tab_tools import TabTools

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024
MOST_ORIGINS = 100
# An execution is held up no longer, at its begin or at its end.
LONGEST_S = 5.0
_LONGEST_EACH_S = 2.0
_READ = """(most) => {
  const all = Object.fromEntries(Object.entries(localStorage));
  return JSON.stringify(all).length > most ? null : all;
}"""
_READ_PAGE = f"({{origin: location.origin, items: ({_READ})({MOST_BYTES})}})"
_WRITE = """(items) => {
  for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value);
}"""


def origin_of(url: str) -> str | None:
    """Scheme, host and port of a page's address; None: such pages have no storage."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def put_back(
    tools: DevTools, tab: BlankTab, user_context: str, kept: JsonObject
) -> None:
    """Give a context what was kept; what cannot be is left out.

    Raises:
        BidiGone: the browser does not answer.
    """
    if cookies := kept.get("cookies"):
        try:
            tools.call(
                "Storage.setCookies", cookies=cookies, browserContextId=user_context
            )
        except BidiError as error:
            log.warning("cookies not put back", extra={"reason": str(error)})
    until = time.monotonic() + LONGEST_S
    for origin, items in kept.get("storage", {}).items():
        _run(tab, origin, _WRITE, items, until)


def storage_of(tools: TabTools, tabs: Iterable[str]) -> JsonObject:
    """Storage of the sites whose pages are open, as those pages have it.

    What a page wrote last may not have come to the browser yet, and is lost when the
    page is closed.
    """
    until = time.monotonic() + _LONGEST_EACH_S
    found = {}
    for tab in tabs:
        left = until - time.monotonic()
        # Pages that hang are closed without their last words.
        with contextlib.suppress(BidiGone):
            seen = tools.look(tab, _READ_PAGE, left) if left > 0 else None
            if seen is not None and isinstance(seen.value, dict):
                found[str(seen.value["origin"])] = seen.value["items"]
    return found


def read(
    tools: DevTools,
    tab: BlankTab,
    user_context: str,
    origins: Iterable[str],
    known: JsonObject,
) -> JsonObject:
    """`{cookies, storage}` of a context, as JSON.

    `storage` is `{<origin>: {<key>: <value>}}` of the sites that could be read; where
    a site has nothing, it is empty.

    Args:
        known: what `storage_of` gave; all else is read in the tab.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """
    found = tools.call("Storage.getCookies", browserContextId=user_context)
    until = time.monotonic() + LONGEST_S
    storage = {}
    for origin in origins:
        if origin in known:
            items = known[origin]
        else:
            items = _run(tab, origin, _READ, MOST_BYTES, until)
        if isinstance(items, dict):
            storage[origin] = items
    return {"cookies": list(map(kept_cookie, found["cookies"])), "storage": storage}


def merged(before: JsonObject, now: JsonObject) -> JsonObject:
    """What is kept from now on: all cookies of now, storage of other sites as it was.

    Above 1 MiB the largest sites are left out; when that is not enough, all is as
    before.
    """
    storage = {**before.get("storage", {}), **now["storage"]}
    storage = {origin: items for origin, items in storage.items() if items}
    kept = {"cookies": now["cookies"], "storage": storage}
    while (size := len(json.dumps(kept))) > MOST_BYTES or len(storage) > MOST_ORIGINS:
        log.warning("a browser's session is too large", extra={"bytes": size})
        if not storage:
            return before
        del storage[max(storage, key=lambda origin: len(json.dumps(storage[origin])))]
    return kept


def without(kept: JsonObject, origins: Collection[str]) -> JsonObject:
    """What a checkpoint does not have: storage of sites other than these."""
    storage = kept.get("storage", {})
    return {"storage": {o: storage[o] for o in storage if o not in origins}}


def _run(
    tab: BlankTab, origin: str, script: str, argument: object, until: float
) -> object:
    left = min(until - time.monotonic(), _LONGEST_EACH_S)
    if left <= 0:
        return None
    try:
        return tab.run(origin, script, argument, left)
    except (BidiError, BidiGone) as error:
        log.warning("storage of a site not reached", extra={"reason": str(error)})
        return None
