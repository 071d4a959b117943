"""What a workflow may choose about its browser, and what is refused."""

import pytest
from pydantic import ValidationError

from apps.steps.browser.devices import DEVICES
from apps.steps.browser.settings import BrowserSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 50},
        {"height": 10_000},
        {"device": "toaster"},
        {"locale": "english please"},
        {"timezone": "US/../../etc/passwd"},
        {"geolocation": {"latitude": 91, "longitude": 0}},
        {"geolocation": {"latitude": float("nan"), "longitude": 0}},
        {"user_agent": "two\nlines"},
        {"user_agent": ""},
        {"headers": {"X-A": "b\r\nX-C: d"}},
        {"headers": {"bad name": "x"}},
        {"headers": {"Host": "elsewhere"}},
        {"headers": {f"X-{n}": "x" for n in range(51)}},
        {"unknown": 1},
    ],
)
def test_refuses(wrong):
    with pytest.raises(ValidationError):
        BrowserSettings(**wrong)


def test_a_device_brings_its_shape_and_single_choices_come_first():
    chosen = BrowserSettings(device="ipad", width=700, user_agent="Robot/1")
    expected = DEVICES["ipad"]._replace(width=700, user_agent="Robot/1")
    assert chosen.shape == expected


def test_without_choices_it_is_a_window():
    assert BrowserSettings().shape == (1280, 800, 1.0, False, None)


@pytest.mark.parametrize(
    "more",
    [
        {"device": "iphone"},
        {"keep_session": "shop"},
        {"block": ["ads"]},
        {"block_urls": ["/ads/"]},
    ],
)
def test_what_firefox_cannot_do_is_refused_on_save(more):
    with pytest.raises(ValueError, match="firefox"):
        BrowserSettings(engine="firefox", **more)
