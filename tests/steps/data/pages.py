"""A page for the tests of extraction, and a browser that stands for the real one.

What is wanted of the browser is checked with the real one in the tests of the browser
steps; here it answers what a test prepared.
"""

from collections.abc import Mapping
from typing import Any

PAGE = """<!DOCTYPE html>
<html><head><title>Invoices</title><style>td {color: red}</style></head><body>
<h1>Invoices <small>of&nbsp;May</small></h1>
<table>
<tr class="overdue" data-id="1"><td class="no">A-1</td><td class="sum">1,234.50 €</td>
 <td><a href="/a1">open</a><script>alert(1)</script></td></tr>
<tr class="overdue" data-id="2"><td class="no">A-2</td><td class="sum">99</td>
 <td></td></tr>
<tr data-id="3"><td class="no">A-3</td><td class="sum">5</td><td></td></tr>
</table>
<p>One<br>two<b>three</b> <!-- not this --> four</p>
</body></html>"""


class PreparedBrowser:
    """Notes what it is asked and answers with `rows`."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[tuple[str, Mapping[str, Any], bool, float]] = []

    def extract(
        self, target: Any, fields: Mapping[str, Any], many: bool, timeout: float
    ) -> Any:
        self.asked.append((str(target), fields, many, timeout))
        return self.rows if many else self.rows[0]
