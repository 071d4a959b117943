"""`manage.py bench browser`: an isolated page on a warm browser, and what it costs."""

import argparse
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import psutil
from rich.console import Console

from apps.ops.bench import machine
from apps.ops.bench.base import BenchError, Benchmark, Result, Say
from apps.ops.bench.measuring import wait_for
from apps.ops.devstack import browser as programs
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession

PAGE = (
    b"<!doctype html><title>bench</title><form><input id=a><button>ok</button></form>"
    + b"<div>row</div>" * 200
)
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
OPEN_CONTEXTS = 10
GOALS = (("cold", 0.2), ("playwright", 0.5))


class Browser(Benchmark):
    """A new isolated session to its first page, beside other ways to get there."""

    summary = "isolated sessions on a warm browser: time, memory, growth"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--samples", type=int, default=20, help="of each way")
        add("--sessions", type=int, default=500, help="one after the other; 0: none")

    def run(self, options: argparse.Namespace, say: Say) -> Result:
        found = programs.find()
        if found is None:
            raise BenchError("no Chrome or Chromium is on this machine")
        result: Result = {
            "benchmark": "browser",
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "load": machine.load(),
            "samples": options.samples,
        }
        program = str(found.program)
        with _site() as url, _host(program) as host:
            result |= _opened(host, program, url, options.samples, say)
            say("memory of open contexts")
            result["memory_per_context_mib"] = _memory_per_context(host, url)
            if options.sessions:
                say(f"{options.sessions} sessions, one after the other")
                result["growth"] = _growth(host, url, options.sessions)
        return result

    def show(self, result: Mapping[str, Any], console: Console) -> None:
        for way, one in result["ways"].items():
            shown = f"{one['p50_ms']:g} [{one['min_ms']:g} .. {one['max_ms']:g}] ms"
            console.print(f"{way:<12} {shown}" if one else f"{way:<12} not here")
        for goal in result["goals"]:
            mark = "met" if goal["met"] else "missed"
            console.print(f"{mark}: {goal['is']:g} of {goal['of']} ≤ {goal['at_most']}")
        console.print(
            f"{result['memory_per_context_mib']} MiB an open context;"
            f" growth: {result.get('growth')}"
        )


BENCHMARK = Browser()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one write

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def _site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextlib.contextmanager
def _host(program: str) -> Iterator[BrowserHost]:
    host = BrowserHost(BrowserOptions(path=program, sandbox=False), proxy_address=None)
    try:
        yield host
    finally:
        host.stop()


def _opened(
    host: BrowserHost, program: str, url: str, samples: int, say: Say
) -> Result:
    """The ways to a first page, taken in turn so that noise strikes all alike."""
    with _playwright(program) as new_context:
        ways: dict[str, Callable[[str], float] | None] = {
            "warm": lambda page: _warm(host, page),
            "cold": lambda page: _cold(program, page),
            "playwright": new_context,
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(samples + 1):
            say(f"sample {number} of {samples}") if number % 5 == 0 else None
            for way, open_ in ways.items():
                if open_ is not None:
                    taken[way].append(open_(url) * 1000)
    # The first of each starts what the others find.
    figures = {way: _figures(times[1:]) for way, times in taken.items()}
    return {"ways": figures, "goals": _goals(figures)}


def _figures(times_ms: list[float]) -> dict[str, float]:
    if not times_ms:
        return {}
    return {
        "p50_ms": round(statistics.median(times_ms), 1),
        "min_ms": round(min(times_ms), 1),
        "max_ms": round(max(times_ms), 1),
    }


def _goals(figures: Mapping[str, Mapping[str, float]]) -> list[Result]:
    goals = []
    for other, most in GOALS:
        if figures[other]:
            ratio = round(figures["warm"]["p50_ms"] / figures[other]["p50_ms"], 3)
            met = ratio <= most
            goals.append({"of": other, "at_most": most, "is": ratio, "met": met})
    return goals


def _warm(host: BrowserHost, url: str) -> float:
    """A new isolated session on the warm browser of an idle worker."""
    host.prepare()
    began = time.perf_counter()
    with BrowserSession(host) as session:
        session.goto(url)
        return time.perf_counter() - began


def _cold(program: str, url: str) -> float:
    """Selenium with a driver and a browser of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for switch in SWITCHES:
        options.add_argument(switch)
    driver_path = programs.find()
    service = Service(str(driver_path.driver) if driver_path else None)
    began = time.perf_counter()
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.get(url)
        return time.perf_counter() - began
    finally:
        driver.quit()


@contextlib.contextmanager
def _playwright(program: str) -> Iterator[Callable[[str], float] | None]:
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


def _growth(host: BrowserHost, url: str, sessions: int) -> Result:
    """Memory and processes of this process and its browser, before and after."""
    own = psutil.Process(os.getpid())

    def look() -> dict[str, float]:
        wait_for(lambda: host.has_spare)
        browser = host.memory_bytes()
        return {
            "browser_mib": round(browser / 1024**2, 1),
            "process_mib": round(own.memory_info().rss / 1024**2, 1),
            "processes": len(own.children(recursive=True)),
        }

    def use(count: int) -> None:
        for _ in range(count):
            with BrowserSession(host) as session:
                session.goto(url)

    use(20)
    before = look()
    use(sessions)
    return {"sessions": sessions, "before": before, "after": look()}
