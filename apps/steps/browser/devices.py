"""Devices that a workflow's browser can pass for.

Sizes are CSS pixels of the page with the browser's bars shown, as their makers'
specifications and https://viewportsizer.com list them.
"""

from typing import Literal, NamedTuple

DeviceName = Literal[
    "iphone",
    "iphone_landscape",
    "android",
    "ipad",
    "android_tablet",
    "laptop",
    "desktop",
]

_IOS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
_IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
_ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)
_TABLET = (
    "Mozilla/5.0 (Linux; Android 15; Pixel Tablet) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


class Device(NamedTuple):
    """What a page sees of a device.

    Attributes:
        scale: device pixels to a CSS pixel.
        user_agent: None: the browser's own.
    """

    width: int
    height: int
    scale: float = 1.0
    is_mobile: bool = False
    user_agent: str | None = None


DEVICES: dict[str, Device] = {
    "iphone": Device(390, 664, 3.0, True, _IOS),
    "iphone_landscape": Device(750, 342, 3.0, True, _IOS),
    "android": Device(412, 839, 2.625, True, _ANDROID),
    "ipad": Device(820, 1106, 2.0, True, _IPAD),
    "android_tablet": Device(1280, 713, 2.0, True, _TABLET),
    "laptop": Device(1440, 789, 2.0),
    "desktop": Device(1920, 969),
}
