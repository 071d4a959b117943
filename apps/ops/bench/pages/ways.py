"""Ways to the first page of an isolated session, and what an open one holds."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from apps.ops.bench.base import Result, Say
from apps.ops.devstack.browser import Browser
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

Open = Callable[[str], float]

SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
OPEN_CONTEXTS = 10
GOALS = (("cold", 0.2), ("playwright", 0.5))


def measure(found: Browser, url: str, samples: int, say: Say) -> Result:
    """Times of each way, the goals that speak of them, and memory."""
    program = str(found.program)
    with _host(program) as host, _playwright(program) as new_context:
        ways: dict[str, Open | None] = {
            "warm": lambda page: _warm(host, page),
            "cold": lambda page: _cold(found, page),
            "playwright": new_context,
        }
        times = _in_turn(ways, url, samples, say)
        say("memory of open contexts")
        held = _memory_per_context(host, url)
    # The first of each starts what the others find.
    ways_taken = {way: figures(one[1:]) for way, one in times.items()}
    return {
        "ways": ways_taken,
        "goals": _goals(ways_taken),
        "memory_per_context_mib": held,
    }


def figures(times_ms: list[float]) -> dict[str, float]:
    """Median, smallest and largest; nothing when nothing was measured."""
    if not times_ms:
        return {}
    return {
        "p50_ms": round(statistics.median(times_ms), 1),
        "min_ms": round(min(times_ms), 1),
        "max_ms": round(max(times_ms), 1),
    }


def _in_turn(
    ways: Mapping[str, Open | None], url: str, samples: int, say: Say
) -> dict[str, list[float]]:
    """Taken in turn, so that noise strikes all alike."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(samples + 1):
        say(f"sample {number} of {samples}") if number % 5 == 0 else None
        for way, open_ in ways.items():
            if open_ is not None:
                taken[way].append(open_(url) * 1000)
    return taken


def _goals(figures: Mapping[str, Mapping[str, float]]) -> list[Result]:
    goals = []
    for other, most in GOALS:
        if figures[other]:
            ratio = round(figures["warm"]["p50_ms"] / figures[other]["p50_ms"], 3)
            what = f"warm / {other}"
            met = ratio <= most
            goals.append({"of": what, "at_most": most, "is": ratio, "met": met})
    return goals


@contextlib.contextmanager
def _host(program: str) -> Iterator[BrowserHost]:
    host = BrowserHost(BrowserOptions(path=program, sandbox=False), proxy_address=None)
    try:
        yield host
    finally:
        host.stop()


def _warm(host: BrowserHost, url: str) -> float:
    """A new isolated session on the warm browser of an idle worker."""
    host.prepare()
    began = time.perf_counter()
    with BrowserSession(host) as session:
        session.goto(url)
        return time.perf_counter() - began


@contextlib.contextmanager
def plain_driver(found: Browser, page_load: str = "normal") -> Iterator["WebDriver"]:
    """Selenium with a driver and a browser of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(found.program)
    options.page_load_strategy = page_load
    for switch in SWITCHES:
        options.add_argument(switch)
    service = Service(str(found.driver) if found.driver else None)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


def _cold(found: Browser, url: str) -> float:
    began = time.perf_counter()
    with plain_driver(found) as driver:
        driver.get(url)
        return time.perf_counter() - began


@contextlib.contextmanager
def _playwright(program: str) -> Iterator[Open | None]:
    """Playwright's new context on the same Chromium; None where it is not installed."""
    try:
        from playwright.sync_api import sync_playwright  # type: ignore[import-not-found]  # optional
    except ImportError:
        yield None
        return
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=list(SWITCHES)
        )

        def open_page(url: str) -> float:
            began = time.perf_counter()
            context = launched.new_context()
            context.new_page().goto(url)
            took = time.perf_counter() - began
            context.close()
            return took

        yield open_page
        launched.close()


def _memory_per_context(host: BrowserHost, url: str) -> float:
    with contextlib.ExitStack() as stack:
        host.prepare()
        before = host.memory_bytes()
        for _ in range(OPEN_CONTEXTS):
            session = stack.enter_context(BrowserSession(host))
            session.goto(url)
        grown = host.memory_bytes() - before
    return round(grown / OPEN_CONTEXTS / 1024**2, 1)
