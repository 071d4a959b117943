"""Pictures of every page, wide and narrow, light and dark, for docs/screenshots.

They are made when they are asked for:

    SCREENSHOTS=docs/screenshots python3 manage.py test -n 0 \
        tests/dashboard/test_screenshots.py
"""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.dashboard.browsing import find, paint, resize, settled, sign_in, until

FOLDER = os.environ.get("SCREENSHOTS", "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not FOLDER, reason="no SCREENSHOTS folder was named"),
]
WIDTHS = {"wide": 1280, "narrow": 390}


def take(browser, name: str) -> None:
    """A picture of the page."""
    settled(browser)
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    # Few colors are enough for pages, and a third of the bytes.
    picture.quantize(96).save(folder / f"{name}.png", optimize=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_every_page_has_its_picture(scene, alice, site, browser, size, scheme):
    resize(browser, WIDTHS[size])
    paint(browser, scheme)
    browser.delete_all_cookies()
    browser.get(f"{site.url}/sign-in")
    take(browser, f"sign-in-{size}-{scheme}")
    sign_in(browser, site.url, alice.email)
    for name, path in scene.items():
        browser.get(f"{site.url}{path}")
        take(browser, f"{name}-{size}-{scheme}")
    if size == "wide":
        browser.get(f"{site.url}{scene['execution-failed']}")
        find(browser, "[data-retry]").click()
        until(browser, lambda: "Reuses" in find(browser, "#retry-preview").text)
        take(browser, f"execution-retry-dialog-{size}-{scheme}")
    paint(browser, "light")
