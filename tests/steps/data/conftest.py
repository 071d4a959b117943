"""A browser for the steps that read the open page."""

from tests.fixtures_browser import browser, site

__all__ = ["browser", "site"]
