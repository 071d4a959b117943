"""A browser for the steps that read the open page."""

from tests.fixtures_browser import browser, host, site

__all__ = ["browser", "host", "site"]
