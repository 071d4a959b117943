"""A real browser for the steps that print."""

from tests.fixtures_browser import browser, host, site

__all__ = ["browser", "host", "site"]
