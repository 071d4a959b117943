"""How Firefox is started: which preferences it has."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver.firefox.options import Options

Preference = str | int | bool
_BLOCK = 2
# Firefox adds its own for robots when its remote agent is on.
_QUIET: dict[str, Preference] = {
    "browser.cache.disk.enable": False,
    "browser.contentblocking.category": "standard",
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.suggest.enabled": False,
    "browser.sessionstore.max_tabs_undo": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.translations.enable": False,
    "browser.urlbar.suggest.searches": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    # Windows that nobody asked for, as for people.
    "dom.disable_open_during_load": True,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "intl.accept_languages": "en-US, en",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # PDF documents are downloads.
    "pdfjs.disabled": True,
    "permissions.default.camera": _BLOCK,
    "permissions.default.desktop-notification": _BLOCK,
    "permissions.default.geo": _BLOCK,
    "permissions.default.microphone": _BLOCK,
    "signon.autofillForms": False,
    "signon.rememberSignons": False,
    # The list of settings that Mozilla keeps for it is not asked for.
    "services.settings.server": "data:,#none",
    "toolkit.telemetry.enabled": False,
    # BiDi, and a port of Marionette's that the system chooses.
    "marionette.port": 0,
    "remote.active-protocols": 1,
}
_NOWHERE_ELSE: dict[str, Preference] = {
    "network.proxy.type": 1,
    "network.proxy.no_proxies_on": "",
    # Loopback would go around the proxy otherwise.
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.allow_bypass": False,
    "network.proxy.failover_direct": False,
    # Names are the proxy's business; a look-up alone can carry data away.
    "network.dns.disablePrefetch": True,
    "network.dns.disablePrefetchFromHTTPS": True,
    "network.trr.mode": 5,
    "network.predictor.enabled": False,
    "network.prefetch-next": False,
    "network.http.speculative-parallel-limit": 0,
    # What goes by UDP.
    "network.http.http3.enable": False,
    "media.peerconnection.enabled": False,
    "network.webtransport.enabled": False,
}


def preferences(proxy_address: tuple[str, int] | None) -> dict[str, Preference]:
    """All that differ from Firefox's own; with a proxy there is no other way out."""
    if proxy_address is None:
        return dict(_QUIET)
    host, port = proxy_address
    hosts = dict.fromkeys(("network.proxy.http", "network.proxy.ssl"), host)
    ports = dict.fromkeys(("network.proxy.http_port", "network.proxy.ssl_port"), port)
    return {**_QUIET, **_NOWHERE_ELSE, **hosts, **ports}


def write_preferences(profile: Path, proxy_address: tuple[str, int] | None) -> None:
    """Put the preferences into a profile that was not used yet."""
    profile.mkdir(parents=True)
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
        for name, value in preferences(proxy_address).items()
    ]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")


def remote_options(proxy_address: tuple[str, int] | None) -> "Options":
    """Options of a Firefox that its driver starts elsewhere."""
    made = joining()
    made.add_argument("-headless")
    for name, value in preferences(proxy_address).items():
        if name != "marionette.port":
            made.set_preference(name, value)
    return made


def joining() -> "Options":
    """Options of a session on a Firefox that runs already."""
    from selenium.webdriver.firefox.options import Options

    made = Options()
    made.set_capability("acceptInsecureCerts", False)
    return made
