"""Isolated contexts of a browser: what one has, no other can see."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi
from apps.steps.browser.evidence.recording import EVENTS
from apps.steps.browser.settings import BrowserSettings

_USUAL = BrowserSettings()
# With a page that lets the driver do nothing at all, a new browser is there sooner.
_TAB_S = 3.0
# A dialog stops every command until somebody answers it, and a page can open them
# without end. So pages get the answers of a person who cancels, at once, until a step
# wants to answer itself; what `print` opens, nobody can answer.
_SILENT = """
() => {
  const kept = {};
  const answers = {alert: undefined, confirm: false, prompt: null, print: undefined};
  for (const [name, answer] of Object.entries(answers)) {
    kept[name] = Object.getOwnPropertyDescriptor(window, name);
    Object.defineProperty(window, name, {
      value: {[name]() { return answer; }}[name], configurable: true, writable: true,
    });
  }
  const restore = () => {
    for (const name of ['alert', 'confirm', 'prompt']) {
      Object.defineProperty(window, name, kept[name]);
    }
  };
  Object.defineProperty(window, Symbol.for('rpa.dialogs'), {value: restore});
}
"""
# Gives the open page and its frames their own dialogs back.
OWN_DIALOGS = """
// Those in shadow roots are not among the window's own.
const framesIn = (root) => Array.from(root.querySelectorAll('*')).flatMap((one) => [
  ...(one.matches('iframe, frame') ? [one] : []),
  ...(one.shadowRoot ? framesIn(one.shadowRoot) : []),
]);
const give = (one) => {
  try {
    const restore = one[Symbol.for('rpa.dialogs')];
    if (restore) restore();
    framesIn(one.document).forEach((frame) => give(frame.contentWindow));
  } catch {
    // Of another site: its next page has them.
  }
};
give(window);
"""


@dataclass(frozen=True, slots=True)
class UserContext:
    """Cookies, storage, cache and downloads of one execution.

    Attributes:
        id: as the browser calls it.
        tab: its first tab.
        downloads: where its downloads go.
        silencer: the script that keeps pages from opening dialogs.
        recording: the subscription to what is kept as evidence.
    """

    id: str
    tab: str
    downloads: Path
    silencer: str
    recording: str


def make_context(
    bidi: Bidi,
    downloads: Path,
    behavior: JsonObject,
    proxy: JsonObject | None = None,
) -> UserContext:
    """A new context with an empty tab, as workflows without settings have it.

    Args:
        behavior: of its downloads, in the protocol's words.
        proxy: where its traffic goes instead of where the browser's does, likewise.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """
    downloads.mkdir(parents=True)
    prompts = {"default": "ignore"}
    more: dict[str, Any] = {"proxy": proxy} if proxy else {}
    made = bidi.call(
        "browser.createUserContext", unhandledPromptBehavior=prompts, **more
    )
    user_context = str(made["userContext"])
    only = [user_context]
    bidi.call(
        "browser.setDownloadBehavior", downloadBehavior=behavior, userContexts=only
    )
    silencer = bidi.call(
        "script.addPreloadScript", functionDeclaration=_SILENT, userContexts=only
    )
    _resize(bidi, only, _USUAL)
    recording = bidi.call("session.subscribe", events=list(EVENTS), userContexts=only)[
        "subscription"
    ]
    tab = bidi.call("browsingContext.create", type="tab", userContext=user_context)
    handle, script = str(tab["context"]), str(silencer["script"])
    return UserContext(user_context, handle, downloads, script, str(recording))


def only_through(proxy: tuple[str, int]) -> JsonObject:
    """A context's proxy, in the protocol's words."""
    server = f"{proxy[0]}:{proxy[1]}"
    return {
        "proxyType": "manual",
        "httpProxy": server,
        "sslProxy": server,
        # Loopback would go around it otherwise.
        "noProxy": ["<-loopback>"],
    }


def remove_context(bidi: Bidi, context: UserContext, *, within_s: float = 5.0) -> None:
    """Close all of its tabs and forget all that it has.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """
    bidi.call("browser.removeUserContext", within_s=within_s, userContext=context.id)
    # The browser would remember it for contexts that are gone, too.
    bidi.tell("session.unsubscribe", subscriptions=[context.recording])


def replace_tabs(bidi: Bidi, user_context: str, old: list[str]) -> str:
    """Open an empty tab and close the old ones; gives its handle. Cookies stay.

    A page that is busy without end goes away with its tab.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """
    made = bidi.call(
        "browsingContext.create",
        within_s=_TAB_S,
        type="tab",
        userContext=user_context,
    )
    for tab in old:
        bidi.call("browsingContext.close", within_s=_TAB_S, context=tab)
    return str(made["context"])


def cancel_download(bidi: Bidi, user_context: str, download: str) -> None:
    """Ask the browser to break a download off, and to remove what there is of it."""
    bidi.tell(
        "goog:cdp.sendCommand",
        method="Browser.cancelDownload",
        params={"guid": download, "browserContextId": user_context},
    )


def dress(bidi: Bidi, context: UserContext, settings: BrowserSettings) -> None:
    """Make a new context what the workflow wants it to be.

    Raises:
        BidiError, BidiGone: the browser cannot or does not answer.
    """
    only = [context.id]
    if settings.evidence == "off":
        bidi.call("session.unsubscribe", subscriptions=[context.recording])
    if settings.shape != _USUAL.shape:
        _resize(bidi, only, settings)
    for method, parameters in _emulations(settings).items():
        bidi.call(method, userContexts=only, **parameters)


def _resize(bidi: Bidi, only: list[str], settings: BrowserSettings) -> None:
    shape = settings.shape
    size = {"width": shape.width, "height": shape.height}
    bidi.call(
        "browsingContext.setViewport",
        viewport=size,
        devicePixelRatio=shape.scale,
        userContexts=only,
    )


def _emulations(settings: BrowserSettings) -> dict[str, JsonObject]:
    wanted: dict[str, JsonObject] = {}
    if agent := settings.shape.user_agent:
        wanted["emulation.setUserAgentOverride"] = {"userAgent": agent}
    if settings.locale:
        wanted["emulation.setLocaleOverride"] = {"locale": settings.locale}
    if settings.timezone:
        wanted["emulation.setTimezoneOverride"] = {"timezone": settings.timezone}
    if settings.geolocation:
        here = settings.geolocation.model_dump()
        wanted["emulation.setGeolocationOverride"] = {"coordinates": here}
    if settings.headers:
        headers = [
            {"name": name, "value": {"type": "string", "value": value}}
            for name, value in settings.headers.items()
        ]
        wanted["network.setExtraHeaders"] = {"headers": headers}
    return wanted
