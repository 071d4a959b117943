"""The demo's challenge by Selenium alone: what the same work takes at that moment."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import requests
from openpyxl import load_workbook
from selenium.webdriver.common.by import By

from apps.ops.bench.pages.ways import plain_driver
from apps.ops.devstack.browser import Browser

_FILL = """
for (const label of document.querySelectorAll('label')) {
  document.getElementById(label.htmlFor).value = arguments[0][label.textContent];
}
return document.querySelector('.submit button');
"""
_PATIENCE_S = 60.0


@contextlib.contextmanager
def robot(found: Browser, url: str) -> Iterator[Callable[[], float]]:
    """A script that does the challenge; gives the seconds that the site says.

    One script a form and Selenium's own click, straight to the site: no proxy, no
    records, no checkpoints, and nothing is waited for but the next page.
    """
    people = _people(url)
    with plain_driver(found, "eager") as driver:
        yield lambda: _once(driver, url, people)


def _once(driver: Any, url: str, people: list[dict[str, str]]) -> float:
    driver.get(f"{url}/demo/challenge")
    driver.find_element(By.XPATH, "//button[.='Start']").click()
    for number, person in enumerate(people, start=1):
        _wait(partial(_is_at, driver, f"rounds/{number}"))
        driver.execute_script(_FILL, person).click()
    _wait(lambda: driver.find_elements(By.ID, "seconds"))
    return float(driver.find_element(By.ID, "seconds").text)


def _is_at(driver: Any, end: str) -> bool:
    return bool(driver.current_url.endswith(end))


def _wait(happens: Callable[[], Any]) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while not happens():
        if time.monotonic() > give_up:
            raise TimeoutError("the challenge's next page never came")
        time.sleep(0.002)


def _people(url: str) -> list[dict[str, str]]:
    with requests.Session() as session:
        session.trust_env = False  # a proxy cannot reach our loopback
        content = session.get(f"{url}/demo/people.xlsx", timeout=30).content
    header, *rows = load_workbook(io.BytesIO(content)).worksheets[0].values
    return [dict(zip(map(str, header), map(str, row), strict=True)) for row in rows]
