"""axe-core in a page: what of it shuts people out."""

import os
from pathlib import Path
from typing import Any

from axe_core_python.base import AXE_SCRIPT
from selenium.webdriver import Chrome

# A file with another axe.js than the package has, to try a newer one.
_FILE = os.environ.get("AXE_FILE")
_SCRIPT = Path(_FILE).read_text() if _FILE else AXE_SCRIPT
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = """
    const [where, options, done] = arguments;
    const words = (rule, node) => [
      rule.impact, rule.id, node.target.join(" "), node.html.slice(0, 120),
      node.failureSummary.slice(0, 300),
    ].join(" ").replace(/\\s+/g, " ");
    axe.run(where ?? document, options).then(
      ({ violations: found }) =>
        done(found.flatMap((rule) => rule.nodes.map((node) => words(rule, node)))),
      (error) => done([String(error)]),
    );
"""


def load_axe(browser: Chrome) -> None:
    """Make axe known to the page, past its policy as WebDriver may."""
    browser.execute_script(_SCRIPT)


def violations(browser: Chrome, *rules: str, within: str | None = None) -> list[str]:
    """What is wrong with the page, as it stands: by all rules, or by these alone."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    chosen = ("rule", rules) if rules else ("tag", _TAGS)
    options["runOnly"] = {"type": chosen[0], "values": list(chosen[1])}
    found: list[str] = browser.execute_async_script(_RUN, within, options)
    return found
