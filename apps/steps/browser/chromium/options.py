"""How the browser is started: which program, which switches, which preferences."""

import copy
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from apps.core.types import JsonObject
from apps.steps.browser.remote.place import Place

_HEADLESS = ("--headless=new", "--hide-scrollbars")
_QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-hang-monitor",
    "--disable-prompt-on-repost",
    "--disable-sync",
    "--enable-automation",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--password-store=basic",
    "--use-mock-keychain",
)
_FEATURES_OFF = (
    "AutofillServerCommunication",
    # After going back to a page that was kept with its frames, the driver waits for
    # ever when another tab is closed; kept pages also hold memory.
    "BackForwardCache",
    "DialMediaRouteProvider",
    "MediaRouter",
    "OptimizationHints",
    # A page of the same site would get a frame of its own each time, which makes the
    # way from a click to the next page a tenth longer.
    "RenderDocument",
    "Translate",
)
# Chromium puts its buffers there; container runtimes give it 64 MiB by default.
_LEAST_SHARED_MEMORY_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class BrowserOptions:
    """What the operator can choose about browsers.

    Attributes:
        path: the browser's program; None looks for Chrome or Chromium.
        driver_path: chromedriver's program; None looks for it.
        sandbox: Chromium's own sandbox; None: on, except for root, whom it refuses.
        headless: without a window; else there must be a display.
        start_timeout: for the start of the browser.
        command_timeout: for one command to the browser, page loads apart.
        firefox_path, geckodriver_path: the same for Firefox.
        remote: where browsers are sessions of; None: they are started here.
        most_contexts: after so many executions the browser is replaced.
        most_memory_bytes: also when it holds more between two of them.
        most_download_bytes: what the pages of one execution may download.
    """

    path: str | None = None
    driver_path: str | None = None
    sandbox: bool | None = None
    headless: bool = True
    start_timeout: timedelta = timedelta(seconds=30)
    command_timeout: timedelta = timedelta(seconds=60)
    firefox_path: str | None = None
    geckodriver_path: str | None = None
    remote: Place | None = None
    most_contexts: int = 500
    most_memory_bytes: int = 1024**3
    most_download_bytes: int = 200 * 1024**2


def switches(
    options: BrowserOptions, profile: Path, proxy_address: tuple[str, int] | None
) -> list[str]:
    """The browser's command line after the program's name."""
    is_sandboxed = options.sandbox
    if is_sandboxed is None:
        is_sandboxed = not (hasattr(os, "geteuid") and os.geteuid() == 0)
    return [
        *_anywhere(options, proxy_address),
        f"--user-data-dir={profile}",
        # A port that the system chooses, on loopback.
        "--remote-debugging-port=0",
        *(() if is_sandboxed else ("--no-sandbox",)),
        *(("--disable-dev-shm-usage",) if _is_shared_memory_small() else ()),
        "about:blank",
    ]


def remote_switches(
    options: BrowserOptions, proxy_address: tuple[str, int] | None
) -> list[str]:
    """The switches of a browser elsewhere, in a container mostly."""
    is_unboxed = options.sandbox is False
    return [
        *_anywhere(options, proxy_address),
        # Shared memory is small where nobody thought of it.
        "--disable-dev-shm-usage",
        *(("--no-sandbox",) if is_unboxed else ()),
    ]


def preferences() -> JsonObject:
    """The preferences of a profile that was not used yet."""
    return copy.deepcopy(_PREFERENCES)


def _anywhere(
    options: BrowserOptions, proxy_address: tuple[str, int] | None
) -> list[str]:
    return [
        *(_HEADLESS if options.headless else ()),
        *_QUIET,
        f"--disable-features={','.join(_FEATURES_OFF)}",
        # Pages have the size that their context was given.
        "--window-size=1280,900",
        "--lang=en-US",
        *(_only_through(proxy_address) if proxy_address is not None else ()),
    ]


def _only_through(address: tuple[str, int]) -> list[str]:
    """Switches that leave the browser no way to the network but a proxy."""
    host, port = address
    return [
        f"--proxy-server=http://{host}:{port}",
        # Loopback would go around the proxy otherwise.
        "--proxy-bypass-list=<-loopback>",
        "--disable-quic",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        # Names are the proxy's business; a look-up alone can carry data away.
        f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {host}",
    ]


def _is_shared_memory_small() -> bool:
    try:
        space = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except (OSError, AttributeError):
        return False
    return space.f_frsize * space.f_bavail < _LEAST_SHARED_MEMORY_BYTES


def write_preferences(profile: Path) -> None:
    """Put the preferences into a profile that was not used yet."""
    folder = profile / "Default"
    folder.mkdir(parents=True)
    content = json.dumps(_PREFERENCES)
    (folder / "Preferences").write_text(content, encoding="utf-8")


# What no page and no step may open: files and the browser's own pages. Pages cannot
# anyway, this is for the commands of a driver. Administrators write such lists into a
# policy, as deploy/chromium-policy.json does for the image; the browser keeps them in
# these preferences, where they hold on any machine.
LOCAL_ADDRESSES = (
    "file://*",
    "filesystem://*",
    "chrome://*",
    "chrome-extension://*",
    "devtools://*",
    "view-source:*",
)
# Parts of the browser's window are pages as well; refused, they show up as tabs.
OWN_PARTS = ("chrome://top-chrome",)

_BLOCK = 2
_PREFERENCES: JsonObject = {
    "credentials_enable_service": False,
    "download": {"prompt_for_download": False},
    "net": {"network_prediction_options": _BLOCK},
    "policy": {
        "url_allowlist": list(OWN_PARTS),
        "url_blocklist": list(LOCAL_ADDRESSES),
    },
    "plugins": {"always_open_pdf_externally": True},
    "profile": {
        "password_manager_enabled": False,
        "default_content_setting_values": {
            "geolocation": _BLOCK,
            "media_stream": _BLOCK,
            "notifications": _BLOCK,
        },
    },
    "safebrowsing": {"enabled": False},
    "translate": {"enabled": False},
    "webrtc": {"ip_handling_policy": "disable_non_proxied_udp"},
}
