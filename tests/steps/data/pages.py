"""A page for the tests of extraction."""

PAGE = """<!DOCTYPE html>
<html><head><title>Invoices</title><style>td {color: red}</style></head><body>
<h1>Invoices <small>of&nbsp;May</small></h1>
<table>
<tr class="overdue" data-id="1"><td class="no">A-1</td><td class="sum">1,234.50 €</td>
 <td><a href="/a1" data-key="k1">open</a><script>alert(1)</script></td></tr>
<tr class="overdue" data-id="2"><td class="no">A-2</td><td class="sum">99</td>
 <td></td></tr>
<tr data-id="3"><td class="no">A-3</td><td class="sum">5</td><td></td></tr>
</table>
<p>One<br>two<b>three</b> <!-- not this --> four</p>
</body></html>"""
