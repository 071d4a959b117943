"""A real browser for the steps that print."""

from tests.fixtures_browser import browser, site

__all__ = ["browser", "site"]
