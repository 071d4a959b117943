"""Which browser a launch choice means."""

from apps.steps.browser.chromium.launch import Chromium
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.firefox.launch import Firefox
from apps.steps.browser.launch import Engine, Launch
from apps.steps.browser.remote.session import RemoteBrowser


def engine_for(
    launch: Launch,
    options: BrowserOptions,
    *,
    proxy_address: tuple[str, int] | None,
) -> Engine:
    """A browser that is not started yet.

    Args:
        proxy_address: of our egress proxy; None: straight to the network.
    """
    if options.remote is not None:
        return RemoteBrowser(launch, options, proxy_address=proxy_address)
    kind = Firefox if launch.engine == "firefox" else Chromium
    return kind(options, proxy_address=proxy_address)
