"""What the driver says in its own words, told in the platform's."""

import pytest
from selenium.common.exceptions import WebDriverException

from apps.steps.browser.failures import BrowserGone, PageChanged, told


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            'unknown error: unhandled inspector error: {"code":-32000,"message":'
            '"Node with given id does not belong to the document"}',
            PageChanged,
        ),
        ("javascript error: document unloaded while waiting for result", PageChanged),
        ("unknown error: cannot find context with specified id", PageChanged),
        ("disconnected: not connected to DevTools", BrowserGone),
        ("tab crashed", BrowserGone),
    ],
)
def test_a_change_of_page_is_told_from_the_loss_of_the_browser(said, kind):
    with pytest.raises(kind), told():
        raise WebDriverException(said)
