"""The tables of what expressions may use, for documentation and for editors."""

from apps.core.expressions import library, limits
from apps.core.expressions.registry import FILTERS, FUNCTIONS, TESTS, Entry, Table

__all__ = ["filters", "functions", "library", "reference_markdown", "tests"]

_INTRODUCTION = f"""\
A text may hold expressions: `{{{{ inputs.customer }}}}`. A value that is exactly one
expression keeps its type; inside a longer text each one is written as text (null as
nothing, lists and mappings as JSON). What an expression gives is never evaluated again.

| write | to get |
| --- | --- |
| `steps.rows.output[0].total` | a key or an item; `[-1]` is the last item |
| `rows[1:3]`, `name[:10]` | a part of a list or text |
| `1 + 2 - 3 * 4 / 5 // 6 % 7 ** 8` | arithmetic; `-2 ** 2` is `(-2) ** 2` |
| `'Hello ' ~ name` | any values joined as text |
| `==` `!=` `<` `<=` `>` `>=` `in` `not in` | comparisons |
| `and` `or` `not` | conditions: null, false, 0 and what is empty do not hold |
| `a if condition else b` | one of two values |
| `name \\| upper` | a filter |
| `name is defined` | a test |
| `[1, 2]`, `{{'a': 1}}`, `'text'`, `true`, `null` | values |
| `{{{{ '{{{{' }}}}` | two braces that begin no expression |

A name that is not defined is an error; `name | default('x')` and `name is defined`
take one that may be missing. There are no statements (`{{% … %}}`), attributes or
methods.

Limits: {limits.MAX_SOURCE_BYTES // 1024} KiB and {limits.MAX_EXPRESSIONS} expressions a
text, {limits.MAX_NESTING} levels of nesting, {limits.MAX_TEXT // 1024} KiB of text once
rendered, {limits.MAX_LIST} items a list, {limits.MAX_ITEMS} by `range` and repetition,
integers of {limits.MAX_INTEGER_BITS} bits.
"""


def functions() -> list[Entry]:
    """Every function, by name."""
    return FUNCTIONS.entries()


def filters() -> list[Entry]:
    """Every filter, by name."""
    return FILTERS.entries()


def tests() -> list[Entry]:
    """Every test, by name."""
    return TESTS.entries()


def reference_markdown() -> str:
    """The reference of the expression language as a Markdown document."""
    sections = [
        _section("Functions", FUNCTIONS, "{name}{signature}"),
        _section("Filters", FILTERS, "value | {name}{signature}"),
        _section("Tests", TESTS, "value is {name}{signature}"),
    ]
    return "# Expressions\n\n" + _INTRODUCTION + "".join(sections)


def _section(title: str, table: Table, form: str) -> str:
    rows = [f"\n## {title}\n\n| write | to get |\n| --- | --- |\n"]
    rows.extend(_row(entry, form) for entry in table.entries())
    return "".join(rows)


def _row(entry: Entry, form: str) -> str:
    signature = "" if entry.signature == "()" and "|" in form else entry.signature
    if entry.signature == "()" and " is " in form:
        signature = ""
    call = form.format(name=entry.name, signature=signature)
    names = ", ".join(f"`{alias}`" for alias in entry.aliases)
    also = f" Also {names}." if names else ""
    return f"| `{_cell(call)}` | {_cell(entry.description)}{also} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
